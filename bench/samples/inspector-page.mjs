/** The inspector in a real browser, and what it costs the runtime beside it. `{why}` without a browser. */
import { openRuntime } from 'sessionwright'
import { startInspector } from 'sessionwright/inspector'
import { launchChromium, visit } from '../chromium.mjs'
import { appender, drive, ENTRIES, figuresOf, SESSIONS, sessionIdOf } from '../work.mjs'

const CHANGES = 10_000
const LONG = 'long'

/** Runs one sample: `visits` to each place, then `turns` of appends with a page attached and without. */
export async function run({ dir, ms, visits, turns }) {
  const browser = await launchChromium()
  if (browser === undefined) return { why: 'there is no Chromium on this machine' }
  const runtime = await openRuntime({ dir })
  const long = (await runtime.getOrCreate(LONG)).state === 'created' ? await fillLong(runtime) : CHANGES
  const inspector = await startInspector(runtime)
  const open = (place, selector) =>
    visit(browser, `${inspector.newUrl()}&to=${encodeURIComponent(place)}`, selector)
  const places = {
    list: ['/', '.session-row'],
    session: [`/s/${LONG}?tab=timeline`, `[data-revision="${long}"]`],
  }
  const times = { list: [], session: [] }
  for (let n = 0; n < visits; n += 1) {
    for (const [name, place] of Object.entries(places)) {
      const { paintMs, interactiveMs, close } = await open(...place)
      times[name].push({ paintMs, interactiveMs })
      await close()
    }
  }
  const sessions = await Promise.all(
    Array.from({ length: SESSIONS }, async (_, n) =>
      (await runtime.get(sessionIdOf(n * 50 + 1))).as('active'),
    ),
  )
  const ask = appender(sessions)
  await drive(64, ms, ask)
  const rates = { without: [], attached: [] }
  for (let turn = 0; turn < turns; turn += 1) {
    rates.without.push(figuresOf(await drive(64, ms, ask)))
    const { close } = await open(`/s/${sessions[0].id}?tab=timeline`, '[data-revision]')
    rates.attached.push(figuresOf(await drive(64, ms, ask)))
    await close()
  }
  await browser.close()
  await inspector.close()
  await runtime.close()
  return { times, rates }
}

async function fillLong(runtime) {
  const session = await (await runtime.get(LONG)).as('created').activate()
  for (let filled = 2; filled < CHANGES; filled += 500) {
    const some = ENTRIES.slice(0, Math.min(500, CHANGES - filled))
    await Promise.all(
      some.map((entry, n) => session.append(entry, { operationId: `operation-${filled + n}` })),
    )
  }
  return session.revision
}
