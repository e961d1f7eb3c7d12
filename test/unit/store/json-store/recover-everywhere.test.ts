/** A journal damaged at every place, one after the other. */
import { expect, test } from 'vitest'
import { furnished, JsonMachine, lastSegment, PLACE } from '../../../support/json-machine.ts'

test('[RC2] no flipped bit goes unnoticed or reaches another session', async () => {
  const { machine, sessions } = await furnished(3)
  const { path, bytes } = lastSegment(machine)
  const lines = bytes.toString('latin1').split('\n')
  const unmarked = bytes.length - (lines.at(-2) as string).length - 1
  const untouched = machine.files
  let pid = 10
  for (let bit = 0; bit < bytes.length * 8; bit += 37) {
    const at = bit >> 3
    const flipped = Buffer.from(bytes)
    flipped[at] = (flipped[at] as number) ^ (1 << (bit & 7))
    const next = new JsonMachine(untouched.processDied(), (pid += 1))
    await next.overwrite(path, flipped)
    const hint = `bit ${bit}`

    const reader = await next.reader()

    const { damage } = reader.stats()
    if (at < unmarked) expect(damage.length, hint).toBeGreaterThan(0)
    const touched = new Set(damage.flatMap(({ sessionIds }) => sessionIds))
    // A lost newline joins two lines, so two sessions may be hit.
    expect(sessions.filter(({ id }) => touched.has(id)).length, hint).toBeLessThanOrEqual(2)
    for (const session of sessions) {
      if (touched.has(session.id)) continue
      const state = await reader.state(session.id)
      const found = await reader.changes(session.id, {})
      expect(
        found.map(({ revision }) => revision),
        hint,
      ).toEqual(session.changes.slice(0, state?.revision ?? 0).map(({ revision }) => revision))
    }
    await reader.close()
  }
})

test('every length the last segment can be cut to leaves a prefix, and what was known durable is missed', async () => {
  const { machine, sessions } = await furnished(3)
  const { path, bytes } = lastSegment(machine)
  const ends = new Set([...bytes.keys()].filter((at) => bytes[at] === 10).map((at) => at + 1))
  let pid = 10
  for (let length = 0; length < bytes.length; length += 11) {
    const next = new JsonMachine(machine.files.processDied(), (pid += 1))
    await next.overwrite(path, bytes.subarray(0, length))
    for (const name of await next.files.list(PLACE))
      if (/^(owner|index)-/.test(name)) await next.files.remove(`${PLACE}/${name}`)

    const store = await next.owner()

    const { damage, tornTail } = store.stats()
    expect(damage, `length ${length}`).toEqual([])
    expect(tornTail !== null, `length ${length}`).toBe(length > 0 && !ends.has(length))
    for (const { id, changes } of sessions) {
      const found = await store.changes(id, {})
      expect(found.map(({ event }) => event.type)).toEqual(
        changes.slice(0, found.length).map(({ event }) => event.type),
      )
    }
    await store.close()
  }
})
