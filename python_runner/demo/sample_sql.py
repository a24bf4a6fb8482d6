"""The sample as DuckDB SQL: temporary tables `editions`, `moments`, `wallets`, `slots`, then the four sources.

Variables set the scale: seed, moments, held, wallets, share (the fraction of the real size) and breadth (its square
root, because a smaller sample has both fewer and smaller editions).
"""

TABLES = """
create table EDITION_PRICE_SCRAPE(EDITION_ID varchar, LOWEST_ASK double, AVG_SALE double, TOP_SALE double);
create table WALLET_PROFILES(WALLET_ADDRESS varchar, DISPLAY_NAME varchar);
create table ALLDAY_WALLET_HOLDINGS_CURRENT(
    WALLET_ADDRESS varchar, NFT_ID varchar, IS_LOCKED boolean, LAST_EVENT_TS timestamp);
create table ALLDAY_CORE_NFT_METADATA(
    NFT_ID varchar, EDITION_ID varchar, PLAY_ID varchar, SERIES_ID varchar, SERIES_NAME varchar, SET_ID varchar,
    SET_NAME varchar, TIER varchar, MAX_MINT_SIZE bigint, SERIAL_NUMBER bigint, FIRST_NAME varchar,
    LAST_NAME varchar, TEAM_NAME varchar, POSITION varchar, JERSEY_NUMBER bigint);
"""

# `pick` is the only source of randomness: hash(), unlike random(), does not depend on the number of threads.
# `curve` interpolates a quantile table. A bend below 1 raises the values between its points.
MACROS = """
create temp macro pick(x, salt) as (hash(x, salt, getvariable('seed')) >> 1)::bigint;
create temp macro unit(x, salt) as (pick(x, salt) >> 10)::double / 9007199254740992;
create temp macro segment(qs, u) as list_count(list_filter(qs[2:-2], lambda q: q <= u)) + 1;
create temp macro between_points(xs, qs, u, bend, i) as
    xs[i] + (xs[i + 1] - xs[i]) * pow((u - qs[i]) / (qs[i + 1] - qs[i]), bend);
create temp macro curve(xs, qs, u, bend) as between_points(xs, qs, u, bend, segment(qs, u));
create temp macro upper_address(address) as '0x' || upper(address[3:]);
"""

# Circulation: minimum, quartiles, maximum. Ask: minimum, quartiles, p99, maximum. The values are those of the live
# collection. With the bend of 0.63 the circulations add up to its number of moments.
EDITIONS = """
create temp table tiers(tier varchar, editions int, circulation int[], ask int[]);
insert into tiers values
    ('COMMON', 1344, [500, 3000, 6000, 8000, 10000], [1, 1, 1, 1, 18, 60]),
    ('UNCOMMON', 491, [184, 1499, 1500, 1999, 1999], [1, 1, 1, 2, 10, 40]),
    ('RARE', 1368, [43, 299, 399, 500, 2329], [1, 5, 8, 16, 158, 600]),
    ('LEGENDARY', 602, [10, 30, 49, 59, 99], [20, 103, 199, 399, 2798, 9000]),
    ('ULTIMATE', 31, [4, 10, 10, 10, 10], [900, 2500, 3499, 5800, 18499, 40000]);

create temp table teams as
select row_number() over () - 1 as team_no, split_part(pair, '>', 1) as early, split_part(pair, '>', -1) as late
from (select unnest(string_split(
    'Arizona Cardinals,Atlanta Falcons,Baltimore Ravens,Buffalo Bills,Carolina Panthers,Chicago Bears,'
    'Cincinnati Bengals,Cleveland Browns,Dallas Cowboys,Denver Broncos,Detroit Lions,Green Bay Packers,'
    'Houston Texans,Indianapolis Colts,Jacksonville Jaguars,Kansas City Chiefs,'
    'Oakland Raiders>Las Vegas Raiders,San Diego Chargers>Los Angeles Chargers,'
    'St. Louis Rams>Los Angeles Rams,Miami Dolphins,Minnesota Vikings,New England Patriots,'
    'New Orleans Saints,New York Giants,New York Jets,Philadelphia Eagles,Pittsburgh Steelers,'
    'San Francisco 49ers,Seattle Seahawks,Tampa Bay Buccaneers,Tennessee Titans,'
    'Washington Football Team>Washington Commanders', ',')) as pair);

create temp table drawn as
with numbered as (
    select tier, circulation, ask, unnest(range(1, size + 1)) as k, size
    from (select *, greatest(1, round(editions * getvariable('breadth')))::bigint as size from tiers)
)
select
    row_number() over (order by pick(tier || k, 'release')) as n, tier, ask,
    curve(circulation, [0, .25, .5, .75, 1], (k - .5) / size, .63) as weight
from numbered;

create temp table editions as
with attributed as (
    select
        *, greatest(1, round(getvariable('moments') * weight / sum(weight) over ()))::bigint as max_mint_size,
        1 + n * 8 // (count(*) over () + 1) as series_no, pick(n, 'player') % 1100 as player,
        greatest(pick(n, 'set') % 150, 32) - 32 as set_no
    from drawn
)
select
    n, if(n = 7, 'ED123', (352 + n)::varchar) as edition_id, (1000 + n)::varchar as play_id,
    series_no::varchar as series_id, 'Series ' || series_no as series_name, set_no::varchar as set_id,
    if(set_no = 0, 'Base', 'Set ' || set_no) as set_name, tier, max_mint_size, ask,
    'Player' as first_name, chr((65 + player // 50)::int) || (player % 50) as last_name,
    case when pick(n, 'no team') % 100 > 0 then if(series_no <= 2, early, late) end as team_name,
    ['QB', 'RB', 'WR', 'TE', 'OL', 'DL', 'LB', 'DB', 'K'][pick(player, 'position') % 9 + 1] as position,
    pick(player, 'jersey') % 100 as jersey_number
from attributed join teams on team_no = pick(player, 'team') % 32;
"""

# One edition in 16 has no price row, and one in 16 has an incomplete one. The last 1,400 prices have no moments.
PRICES = """
insert into EDITION_PRICE_SCRAPE
with priced as (
    select n, edition_id, ask, pick(n, 'priced') % 32 as luck from editions
    union all
    select 100000 + k, (6000 + k)::varchar, [1, 1, 3, 20, 900, 2000], 31
    from range((1400 * getvariable('breadth'))::bigint) as extra(k)
), asked as (
    select *, round(curve(ask, [0, .25, .5, .75, .99, 1], unit(n, 'ask'), 1)) as usd
    from priced where luck > 1 or n <= 7
)
select
    edition_id, case when n = 3 then 1000000 when n = 5 then -5 when luck > 2 or n = 7 then usd end,
    case when luck > 3 then round(usd * (.6 + .5 * unit(n, 'sale')), 2) end,
    case when luck > 3 then round(usd * (2 + 18 * unit(n, 'top'))) end
from asked;
"""

# Ids follow the order of release: about 40 editions at a time, shuffled. A tenth of the ids is not used.
MOMENTS = """
create temp table moments as
select n, serial, 4466 + i + i * 93 // 1000 as id
from (
    select n, serial, row_number() over (order by n // 40, pick(n * 100000 + serial, 'pack'), n, serial) as i
    from (select n, unnest(range(1, max_mint_size + 1)) as serial from editions)
);

insert into ALLDAY_CORE_NFT_METADATA
select
    id::varchar, edition_id, play_id, series_id, series_name, set_id, set_name, tier, max_mint_size, serial,
    first_name, last_name, team_name, position, jersey_number
from moments join editions using (n) where pick(id, 'no metadata') % 2000 > 0;
"""

# Sizes by rank: log-log between p50, p90 and p99, and a tail whose exponent gives the right sum. The sizes of the two
# system wallets and of the largest three are fixed. Moments are assigned to wallets at random, which gives about as
# many pairs of wallet and edition as the real collection has.
WALLETS = """
create temp table wallets as
with ranked as (
    select k, (k - 2.5) / getvariable('wallets') as x, pow(getvariable('share'), .7) as top
    from range(1, getvariable('wallets') + 1) as numbers(k)
), sized as (
    select k, case
        when k <= 2 then 20000 * top * (3 - k)
        when k <= 5 then [65278, 57672, 36866][k - 2] * top
        when x < .01 then least(724 * pow(.01 / x, .65), 34000 * top)
        when x < .1 then 85 * pow(.1 / x, .931)
        when x < .5 then 7 * pow(.5 / x, 1.551)
        else pow(7, 2 * (1 - x)) end as size
    from ranked
), scaled as (
    select k, if(k <= 5, size, size * (getvariable('held') - sum(size) filter (k <= 5) over ())
        / sum(size) filter (k > 5) over ()) as size
    from sized
)
select
    k, case k when 1 then '0xe4cf4bdc1751c65d' when 2 then '0xb6f2481eba4df97b'
        else '0x' || format('{:016x}', pick(k, 'address')) end as address,
    round(sum(size) over (order by k rows unbounded preceding) - size)::bigint as first_slot
from scaled;

insert into WALLET_PROFILES
select if(pick(k, 'profile case') % 50 = 0, upper_address(address), address), 'collector-' || k
from wallets where pick(k, 'named') % 10 < 4;
"""

HOLDINGS = """
create temp table slots as
select id, n, row_number() over (order by pick(id, 'owner'), id) - 1 as slot
from moments qualify slot < getvariable('held');

insert into ALLDAY_WALLET_HOLDINGS_CURRENT
select
    if(pick(id, 'case') % 200 = 0, upper_address(address), address), id::varchar, pick(id, 'locked') % 8 = 0,
    case pick(id, 'time') % 10000
        when 0 then null when 1 then null when 2 then null when 3 then null
        when 4 then timestamp '1899-12-30 00:00:00'
        when 5 then timestamp '2262-04-11 23:47:16.854775'
        when 6 then timestamp '9999-12-31 00:00:00'
        else timestamp '2021-12-09' + to_microseconds((1.24e14 * sqrt(unit(id, 'when')))::bigint) end
from slots asof join wallets on slot >= first_slot;

insert into ALLDAY_WALLET_HOLDINGS_CURRENT
select * from ALLDAY_WALLET_HOLDINGS_CURRENT where pick(nft_id, 'twice') % 10000 = 0;

insert into ALLDAY_WALLET_HOLDINGS_CURRENT
select address, unnest(['not-a-number', '12.5e', null]), false, timestamp '2025-11-01 12:00:00'
from wallets where k = 9;
"""

SCRIPTS = (TABLES, MACROS, EDITIONS, PRICES, MOMENTS, WALLETS, HOLDINGS)

COUNTS = """
select
    (select count(*) from editions), (select count(*) from moments),
    (select count(*) from ALLDAY_CORE_NFT_METADATA), (select count(*) from ALLDAY_WALLET_HOLDINGS_CURRENT),
    (select count(*) from wallets),
    (select count(*) from (select distinct k, n from slots asof join wallets on slot >= first_slot)),
    (select count(*) from EDITION_PRICE_SCRAPE), (select count(*) from WALLET_PROFILES)
"""
