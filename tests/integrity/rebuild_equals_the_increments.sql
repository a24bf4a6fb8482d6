-- Protects every published row: a full refresh finds it as the increments had left it, times aside.

{{ config(tags=['full_check'], enabled=var('compare_rebuild', false)) }}

{% set marts = [
    ref('wallet_summary_snapshot'), ref('top_wallets_snapshot'), ref('top_wallets_by_team_snapshot'),
    ref('top_wallets_by_tier_snapshot'), ref('top_wallets_by_value_snapshot'), ref('editions_snapshot'),
] %}

{%- for mart in marts %}
{{ rebuild_differences(mart, ignore=['updated_at', 'last_synced_at']) }}
{{ 'union all' if not loop.last }}
{%- endfor %}

{%- for node in (graph.nodes.values() if execute) if node.unique_id not in model.depends_on.nodes %}
{%- if (node.config.materialized, node.config.get('incremental_strategy')) == ('incremental', 'accumulate') %}
union all
select '{{ node.name }}', 'not compared: add it to the list of rebuild_equals_the_increments', null::jsonb
{%- endif %}
{%- endfor %}
