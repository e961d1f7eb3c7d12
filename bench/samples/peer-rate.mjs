/** Appends a second of one peer, on the same work. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { PEERS, whySkipped } from '../peers.mjs'
import { drive, ENTRIES, figuresOf, sessionIdOf, SESSIONS } from '../work.mjs'

/** Runs one sample; `{why}` when the peer cannot be measured here. */
export async function run({ peer, inFlight, ms, warmUpMs, folder }) {
  const { driver, open } = PEERS[peer]
  const dir = mkdtempSync(join(folder, 'peer-'))
  // As the journal keeps an entry: with an id and a time.
  const stored = ENTRIES.map((entry, n) => ({
    id: `${n}`.padStart(36, '0'),
    at: 1750000000000 + n,
    ...entry,
  }))
  const sessions = Array.from({ length: SESSIONS }, (_, n) => sessionIdOf(n))
  let store
  try {
    const module = await import(`../peers/${driver}.mjs`)
    const why = module.whyNot?.()
    if (why !== undefined) return { why }
    store = await module[open](dir, { inFlight, sessions, entries: stored })
    let asked = 0
    const ask = () => {
      asked += 1
      return store.append(sessions[asked % SESSIONS], stored[asked % stored.length])
    }
    await drive(inFlight, warmUpMs, ask)
    return figuresOf(await drive(inFlight, ms, ask))
  } catch (error) {
    return { why: whySkipped(error) }
  } finally {
    // A server of its own is stopped, whatever happened.
    await store?.close()
    rmSync(dir, { recursive: true, force: true })
  }
}
