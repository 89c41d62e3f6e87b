with raw as (
    {{ raw('employees_absences_balance', {
        'employee_id': 'bigint', 'id': 'varchar', 'name': 'varchar', 'category': 'varchar', 'balance': 'double',
        'available_balance': 'double',
    }) }}
)

select
    raw.employee_id,
    coalesce(types.absence_type_id, raw.id) as absence_type_id,
    coalesce(types.name, raw.name) as absence_type_name,
    lower(coalesce(types.category, raw.category)) as category,
    types.unit,
    raw.balance,
    raw.available_balance,
    raw.balance - raw.available_balance as planned
from raw
left join {{ ref('absence_types') }} as types on raw.id = types.v1_id
