{% snapshot employees_history %}
{{
    config(
        unique_key='employee_id',
        strategy='check',
        check_cols=[
            'name', 'email', 'status', 'is_employed', 'position', 'job_name',
            'job_level', 'job_family', 'employment_type', 'weekly_hours', 'department_id',
            'department_name', 'team_id', 'team_name', 'office_id', 'office_name', 'legal_entity_id',
            'legal_entity_name', 'supervisor_id', 'hire_date', 'leave_date', 'last_working_day', 'salary',
            'salary_currency', 'salary_interval', 'termination_type',
        ] + quoted(var('employee_attributes')),
        hard_deletes='invalidate',
        snapshot_meta_column_names={'dbt_valid_from': 'valid_from', 'dbt_valid_to': 'valid_to'},
        post_hook="{{ forget_the_deleted() }}",
    )
}}
select * from {{ ref('employees') }}
{% endsnapshot %}
