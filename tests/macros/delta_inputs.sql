-- A loaded table has a changelog of batches; a model is its own changelog of steps.
-- depends_on: {{ ref('int_editions') }}, {{ source('raw', 'wallet_holdings') }}

{{ config(meta={'delta': {'raw.wallet_holdings': 'whole', 'int_editions': 'changes'}}) }}

{% set inputs = postgres__delta_inputs() if execute else [] -%}
{% set changelogs = inputs | map(attribute='changelog') | map(attribute='identifier') | join(' ') -%}
{% set positions = inputs | map(attribute='position') | join(' ') -%}
{% set settings = inputs | map(attribute='setting') | join(' ') -%}
{% set whole = inputs | selectattr('whole') | map(attribute='setting') | join(' ') -%}

with

found (changelogs, positions, settings, whole) as (
    values (
        '{{ changelogs }}',
        '{{ positions }}',
        '{{ settings }}',
        '{{ whole }}'
    )
)

select *
from found
where
    changelogs <> 'wallet_holdings_changes int_editions'
    or positions <> 'batch_id step'
    or settings <> 'delta.raw_wallet_holdings delta.int_editions'
    or whole <> 'delta.raw_wallet_holdings'
