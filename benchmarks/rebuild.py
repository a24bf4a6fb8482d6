"""Today's way: TRUNCATE and INSERT of the six snapshots, each from the join of the loaded tables."""

from __future__ import annotations

HELD = """
from raw.wallet_holdings as h
left join raw.nft_core_metadata as m on m.nft_id = h.nft_id
left join raw.edition_price_scrape as p on p.edition_id = m.edition_id
left join raw.wallet_profiles as w on w.wallet_address = h.wallet_address
"""
COLLECTORS = f"{HELD} where h.wallet_address not in ('0xe4cf4bdc1751c65d', '0xb6f2481eba4df97b')"
NAME = "coalesce(w.display_name, h.wallet_address) as display_name"
TIERS = ", ".join(
    f"count(*) filter (where m.tier = '{tier}') as tier_{tier.lower()}"
    for tier in ("COMMON", "UNCOMMON", "RARE", "LEGENDARY", "ULTIMATE")
)
MOMENTS = f"""
    {NAME}, count(*) as total_moments, count(*) filter (where not h.is_locked) as unlocked_moments,
    count(*) filter (where h.is_locked) as locked_moments, {TIERS}
"""
VALUES = "coalesce(sum(p.lowest_ask_usd), 0) as floor_value, coalesce(sum(p.avg_sale_usd), 0) as asp_value"

SNAPSHOTS = {
    "wallet_summary_snapshot": f"""
        select
            h.wallet_address, {NAME}, count(*) as moments_total,
            count(*) filter (where h.is_locked) as locked_count,
            count(*) filter (where not h.is_locked) as unlocked_count,
            {TIERS}, {VALUES}, count(coalesce(p.lowest_ask_usd, p.avg_sale_usd)) as priced_moments
        {HELD} group by h.wallet_address, w.display_name
    """,
    "top_wallets_snapshot": f"""
        select h.wallet_address, {MOMENTS} {COLLECTORS} group by h.wallet_address, w.display_name
    """,
    "top_wallets_by_team_snapshot": f"""
        select m.team_name, h.wallet_address, {MOMENTS} {COLLECTORS} and m.team_name is not null
        group by m.team_name, h.wallet_address, w.display_name
    """,
    "top_wallets_by_tier_snapshot": f"""
        select lower(m.tier) as tier, h.wallet_address, {MOMENTS} {COLLECTORS} and m.tier is not null
        group by m.tier, h.wallet_address, w.display_name
    """,
    "top_wallets_by_value_snapshot": f"""
        select h.wallet_address, {NAME}, count(*) as total_moments, {TIERS}, {VALUES} {COLLECTORS}
        group by h.wallet_address, w.display_name
    """,
    "editions_snapshot": f"""
        select
            m.edition_id, m.first_name, m.last_name, m.team_name, m.position, m.tier, m.series_name, m.set_name,
            m.max_mint_size, count(*) as total_moments, min(m.serial_number) as min_serial,
            max(m.serial_number) as max_serial, p.lowest_ask_usd, p.avg_sale_usd, p.top_sale_usd
        {HELD} where m.edition_id is not null
        group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15
    """,
}
