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
