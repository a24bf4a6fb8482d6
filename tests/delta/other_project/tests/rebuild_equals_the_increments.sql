{{ config(enabled=var('compare_rebuild', false)) }}

{{ delta_models.rebuild_differences(ref('customers')) }}
union all
{{ delta_models.rebuild_differences(ref('products')) }}
