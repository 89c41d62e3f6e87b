with v1 as (
    {{ raw('absence_types', {
        'id': 'varchar', 'id_v2': 'varchar', 'name': 'varchar', 'category': 'varchar', 'unit': 'varchar'
    }) }}
),

v2 as (
    {{ raw('absence_types_v2', {'id': 'varchar', 'name': 'varchar', 'category': 'varchar', 'unit': 'varchar'}) }}
)

select coalesce(id_v2, id) as absence_type_id, id as v1_id, name, lower(category) as category, lower(unit) as unit
from v1
union all by name
select id as absence_type_id, cast(null as varchar) as v1_id, name, lower(category) as category, lower(unit) as unit
from v2
where id not in (select id_v2 from v1 where id_v2 is not null)
