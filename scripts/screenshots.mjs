/**
 * `npm run screenshots`: every view of the inspector's page, light and dark, and the list on a phone, as PNG files in
 * `screenshots/`; the two that the README shows go to `docs/images/`. Needs Chromium.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { chromium } from 'playwright-core'
import { assistantMessage, openRuntime, toolCall, userMessage } from 'sessionwright'
import { startInspector } from 'sessionwright/inspector'

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => existsSync(path),
)
if (executablePath === undefined) {
  process.stderr.write('There is no Chromium on this machine: apt-get install chromium\n')
  process.exit(1)
}

const VIEWS = {
  list: '/',
  chart: '/s/ticket-42',
  policy: '/s/ticket-42?machine=limitPolicy',
  supervisor: '/s/ticket-42?machine=supervisor',
  timeline: '/s/ticket-42?tab=timeline',
  past: '/s/ticket-42?tab=timeline&rev=5',
  transcript: '/s/ticket-42?tab=transcript',
  gauges: '/s/ticket-42?tab=gauges',
  diff: '/s/ticket-42?tab=diff&from=2',
  store: '/store',
  unknown: '/s/nobody',
}
const IN_README = { 'light-chart': 'inspector-chart.png', 'dark-gauges': 'inspector-gauges.png' }

/** A store with something to see. @param {import('sessionwright').Runtime} runtime */
async function fill(runtime) {
  const topics = [
    'Invoice 3310 has the wrong VAT',
    'Flight to Lisbon',
    'Flaky cart test',
    'Incident 18',
    'Refund 204',
  ]
  for (let index = 0; index < 48; index += 1) {
    const created = await runtime.create({
      name: `${topics[index % topics.length]}`,
      kind:
        index % 2 === 0
          ? { type: 'agent', agentName: 'triage' }
          : { type: 'conversation', purpose: 'support' },
      provider: { id: 'openai', model: index % 3 === 0 ? 'o4-mini' : 'gpt-4o' },
      tenantId: index % 2 === 0 ? 'acme' : 'globex',
      userId: `user-${index % 7}`,
    })
    const session = await created.activate()
    await session.append(userMessage('Hello'))
    await session.append(assistantMessage('How can I help?'))
    if (index % 6 === 1) await session.pause()
    if (index % 6 === 2) await session.complete()
    if (index % 6 === 3)
      await session.fail({ code: 'TOOL_FAILED', message: 'The order service did not answer.' })
    if (index % 6 === 4) await session.cancel()
  }
  const created = await runtime.create({
    id: 'ticket-42',
    name: 'Where is my order?',
    kind: { type: 'agent', agentName: 'triage' },
    provider: { id: 'openai', model: 'gpt-4o' },
    tenantId: 'acme',
    userId: 'mia',
    tags: ['shop', 'urgent'],
    ttlMs: 3_600_000,
    initialTokenCount: 5000,
    metadata: { channel: 'mail' },
    limits: {
      maxTurns: 3,
      maxEntries: 40,
      maxToolCalls: 5,
      maxTokens: 20_000,
      maxIdleMs: 600_000,
      action: 'pause',
    },
  })
  const session = await created.activate()
  await session.append(userMessage('Where is my order?'), { operationId: 'msg-1' })
  await session.append(toolCall('find_order', true, { id: 7731, state: 'shipped', carrier: 'DHL' }), {
    operationId: 'call-1',
  })
  await session.append(assistantMessage('It left the warehouse this morning and arrives tomorrow.'))
  await session.recordDelta(420)
  await session.append(userMessage('Can I still change the address?'))
  await session.append(toolCall('change_address', false, 'Error: the parcel is on its way'))
  await session.append(assistantMessage('Not any more, but DHL can hold it at a shop near you.'))
  await session.recordDelta(380)
  await session.setContext('carrier', 'DHL')
}

const dir = mkdtempSync(`${tmpdir()}/sessionwright-screenshots-`)
const runtime = await openRuntime({ dir })
await fill(runtime)
const inspector = await startInspector(runtime)
const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
})
mkdirSync('screenshots', { recursive: true })
mkdirSync('docs/images', { recursive: true })
for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  for (const [size, viewport] of Object.entries({
    '': { width: 1280, height: 800 },
    'phone-': { width: 390, height: 800 },
  })) {
    const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' })
    const page = await context.newPage()
    await page.goto(inspector.newUrl())
    await page.waitForSelector('.session-row')
    for (const [name, hash] of Object.entries(VIEWS)) {
      await page.goto(`${new URL(inspector.url).origin}/#${hash}`)
      const isChart = hash === '/s/ticket-42' || hash.includes('machine=')
      await page.waitForSelector(isChart ? '.react-flow__node' : hash === '/' ? '.session-row' : 'main')
      await page.waitForTimeout(isChart ? 900 : 400)
      const file = `${colorScheme}-${size}${name}`
      await page.screenshot({ path: `screenshots/${file}.png` })
      if (file in IN_README)
        copyFileSync(
          `screenshots/${file}.png`,
          `docs/images/${IN_README[/** @type {keyof typeof IN_README} */ (file)]}`,
        )
    }
    await context.close()
  }
}
await browser.close()
await inspector.close()
await runtime.close()
rmSync(dir, { recursive: true, force: true })
process.stdout.write('screenshots/ has every view, docs/images/ those of the README\n')
