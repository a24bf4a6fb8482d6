-- One row per step, wallet, tier and team: by how much the wallet's moments and their value changed. The
-- wallet marts show the sum over all steps. Tier and team are NULL if they are not known.

{{ config(
    indexes=[{'columns': ['step']}],
    meta={
        'delta': {'int_wallet_editions': 'whole', 'int_editions': 'changes', 'raw.wallet_profiles': 'changes'},
        'changelog': {
            'sum': ['moments', 'locked', 'floor_cents', 'asp_cents', 'priced_moments'],
            'max': ['last_batch_id'],
            'true_for_one_step': ['renamed'],
        },
    },
) }}

select
    {{ delta_setting('', 'step', 0) }} as step,
    facts.wallet_address,
    facts.tier,
    facts.team_name,
    facts.moments,
    facts.locked,
    facts.floor_cents,
    facts.asp_cents,
    facts.priced_moments,
    facts.last_batch_id,
    facts.renamed
from {{ wallet_facts(['tier', 'team_name'], valued=true) }} as facts
