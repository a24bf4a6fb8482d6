// The same answers as the API's, as a site would write them: a Map whose entries expire after five minutes.
const express = require('express')
const { Pool, types } = require('pg')

types.setTypeParser(20, Number) // bigint
types.setTypeParser(1700, Number) // numeric

const TTL_MS = 5 * 60 * 1000
const pool = new Pool({ max: Number(process.env.API_POOL_MAX) }) // the rest is in PGHOST and so on
const cache = new Map()
const app = express()

async function cached(key, query) {
  const hit = cache.get(key)
  if (hit && hit.expires > Date.now()) return hit.data
  const data = (await pool.query(query)).rows
  cache.set(key, { data, expires: Date.now() + TTL_MS })
  return data
}

app.get('/v1/wallets/:address', async (request, response) => {
  const address = request.params.address.toLowerCase()
  const rows = await cached(`wallet:${address}`, {
    name: 'wallet',
    text: `select wallet_address, display_name, moments_total, locked_count, unlocked_count, tier_common,
        tier_uncommon, tier_rare, tier_legendary, tier_ultimate, floor_value, asp_value, priced_moments,
        last_synced_at, updated_at
      from wallet_summary_snapshot where wallet_address = $1`,
    values: [address]
  })
  if (rows.length === 0) return response.status(404).json({ error: 'not found' })
  response.json(rows[0])
})

app.get('/v1/leaderboards/teams/:team', async (request, response) => {
  const limit = Math.min(Number(request.query.limit ?? 100), 100)
  response.json(await cached(`team:${request.params.team}:${limit}`, {
    name: 'team',
    text: `select wallet_address, display_name, total_moments, unlocked_moments, locked_moments
      from top_wallets_by_team_snapshot where team_name = $1
      order by total_moments desc, display_name limit $2`,
    values: [request.params.team, limit]
  }))
})

app.get('/readyz', (request, response) => response.json({ ready: true }))
app.listen(Number(process.env.PORT), '127.0.0.1')
