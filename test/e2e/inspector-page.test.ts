/**
 * Goal: the page as a person has it, in a real browser: live, in the past, by keyboard, in the dark, harmless.
 * Method: one runtime, one inspector, one Chromium; each test has a browser context of its own and fails on any console
 * error, page error, report of the content policy, or request to anywhere else.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  assistantMessage,
  openRuntime,
  toolCall,
  userMessage,
  type Runtime,
  type Session,
} from 'sessionwright'
import { startInspector, type Inspector } from 'sessionwright/inspector'
import { chromiumPath, launchChromium } from '../support/browser.ts'

const executablePath = chromiumPath()
const HOSTILE =
  '<img src=x onerror="window.hit=1"> </script><script>window.hit=1</script> [x](javascript:window.hit=1) \u202egnp.exe \u001b[31mred'

describe.skipIf(executablePath === undefined)('the page', () => {
  let dir: string
  let browser: Browser
  let runtime: Runtime
  let inspector: Inspector
  let session: Session<'active'>
  const open: { page: Page; troubles: string[] }[] = []

  beforeAll(async () => {
    dir = await mkdtemp(`${tmpdir()}/sessionwright-page-`)
    browser = await launchChromium(executablePath as string)
    runtime = await openRuntime({ dir })
    session = await (
      await runtime.create({
        id: 'ticket-42',
        name: 'Where is my order?',
        kind: { type: 'agent', agentName: 'triage' },
        metadata: { api_key: 'sk-verysecret' },
        limits: { maxTurns: 2, action: 'error' },
      })
    ).activate()
    await session.append(userMessage('Where is my order?'), { operationId: 'msg-1' })
    await session.append(toolCall('find_order', true, { id: 7731, state: 'shipped' }))
    await session.append(assistantMessage('It was shipped.'))
    await session.append(assistantMessage(HOSTILE))
    await session.append(assistantMessage('long '.repeat(200_000)))
    for (let index = 0; index < 30; index += 1) await runtime.create({ name: `Other ${index}` })
    inspector = await startInspector(runtime)
  })

  afterAll(async () => {
    await browser?.close()
    await inspector?.close()
    await runtime?.close()
    await rm(dir, { recursive: true, force: true })
  })

  afterEach(async () => {
    const troubles = open.flatMap((one) => one.troubles)
    for (const { page } of open.splice(0)) await page.context().close()
    expect(troubles).toEqual([])
  })

  /** A page of its own, signed in; everything that should not happen is noted. */
  async function visit(hash = '/', options: BrowserContextOptions = {}, from = inspector): Promise<Page> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
    const page = await context.newPage()
    const troubles: string[] = []
    const origin = new URL(from.url).origin
    page.on('console', (message) => message.type() === 'error' && troubles.push(`console: ${message.text()}`))
    page.on('pageerror', (error) => troubles.push(`page: ${error.stack ?? error.message}`))
    page.on(
      'request',
      (request) => request.url().startsWith(origin) || troubles.push(`foreign: ${request.url()}`),
    )
    open.push({ page, troubles })
    await page.goto(`${from.newUrl()}&to=${encodeURIComponent(hash)}`)
    await page.waitForSelector('.session-row')
    return page
  }

  test('the token leaves the address, and a reload stays signed in at the same place', async () => {
    const page = await visit('/s/ticket-42?tab=timeline&rev=3')
    await page.waitForSelector('[data-revision="3"]')

    await page.reload()
    await page.waitForSelector('main[data-revision="3"]')

    expect(page.url()).toMatch(/#\/s\/ticket-42\?tab=timeline&rev=3$/)
    expect(await page.getByRole('status').filter({ hasText: 'You look at the past' }).count()).toBe(1)
  })

  test('a change of another process appears within half a second of its being durable, and the active state moves', async () => {
    const folder = await mkdtemp(`${tmpdir()}/sessionwright-page-live-`)
    const program = `
      import { openRuntime, userMessage } from ${JSON.stringify(fileURLToPath(new URL('../../dist/index.js', import.meta.url)))}
      const runtime = await openRuntime({ dir: ${JSON.stringify(folder)} })
      const session = await (await runtime.create({ id: 'other', name: 'Elsewhere' })).activate()
      console.log('ready')
      process.stdin.on('data', async (line) => {
        if (String(line).startsWith('append')) await session.append(userMessage('from another process'))
        else await session.pause()
        console.log('done ' + Date.now())
      })`
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const said = (word: string): Promise<string> =>
      new Promise((resolve) => {
        const listen = (data: Buffer): void => {
          if (!String(data).includes(word)) return
          child.stdout.off('data', listen)
          resolve(String(data))
        }
        child.stdout.on('data', listen)
      })
    await said('ready')
    const reader = await openRuntime({ dir: folder, readOnly: true })
    const watching = await startInspector(reader)
    const page = await visit('/s/other?tab=transcript', {}, watching)
    await page.waitForSelector('[role=tabpanel]')

    const done = said('done')
    child.stdin.write('append\n')
    await done
    const started = performance.now()
    await page.getByText('from another process').first().waitFor()
    const took = performance.now() - started
    await page.keyboard.press('1')
    await page.waitForSelector('[data-state="session.active"][data-here]')
    child.stdin.write('pause\n')
    await page.waitForSelector('[data-state="session.paused"][data-here]')

    expect(took).toBeLessThan(process.env['CI'] === undefined ? 1500 : 5000)
    await page.context().close()
    await watching.close()
    await reader.close()
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })

  test('time travel shows the state of that revision, and changes nothing', async () => {
    const page = await visit('/s/ticket-42?tab=gauges')
    const turns = page.locator('[data-gauge=turns] .big')
    await expect.poll(() => turns.textContent()).toBe('1')

    await page.locator('body').press('Home')
    await page.waitForSelector('main[data-revision="1"]')
    const past = await turns.textContent()
    await page.keyboard.press('1')
    await page.waitForSelector('[data-state="session.created"][data-here]')
    await page.keyboard.press('End')
    await page.waitForSelector('[data-state="session.active"][data-here]')

    expect(past).toBe('0')
    expect(session.revision).toBe(7)
  })

  test('a command pauses a session; a refusal is shown with its code', async () => {
    const busy = await (
      await runtime.create({ id: 'busy', name: 'Busy', limits: { maxTurns: 0 } })
    ).activate()
    const page = await visit('/s/busy')
    await page.click('[data-command=append]')
    await page.fill('dialog textarea', 'one more turn')
    await page.click('dialog button.primary')
    await page.waitForSelector('.refusal code')
    const code = await page.textContent('.refusal code')
    await page.click('dialog button:has-text("Cancel")')

    await page.click('[data-command=pause]')
    await page.waitForSelector('[data-command=resume]')

    expect(code).toBe('LIMIT_REACHED')
    expect([busy.status, busy.usage.entryCount]).toEqual(['paused', 0])
    // The refusal is an answer with a status of its own; the browser notes it on the console.
    const [one] = open
    if (one !== undefined)
      one.troubles.splice(
        0,
        1,
        ...one.troubles.slice(0, 1).filter((text) => !text.includes('Failed to load resource')),
      )
  })

  test('hostile text is text, long text is cut, secrets are not shown', async () => {
    const page = await visit('/s/ticket-42?tab=transcript')
    await page.waitForSelector('[data-entry="4"]')

    const hostile = await page.textContent('[data-entry="3"] .said')
    const long = await page.textContent('[data-entry="4"] .said')
    await page.click('[data-entry="4"] button:has-text("Show more")')
    await expect
      .poll(async () => ((await page.textContent('[data-entry="4"] .said')) ?? '').length)
      .toBeGreaterThan((long ?? '').length)
    await page.keyboard.press('4')
    await page.waitForSelector('[data-gauge=turns]')

    expect(hostile).toContain('<img src=x onerror="window.hit=1">')
    expect(hostile).toContain('\\u202e')
    expect(hostile).toContain('\\u001b')
    expect((long ?? '').length).toBeLessThan(100_000)
    expect(await page.evaluate(() => (globalThis as { hit?: number }).hit)).toBeUndefined()
    expect(await page.content()).not.toContain('sk-verysecret')
  })

  test('keyboard alone: help, filter, sessions, tabs, store, back', async () => {
    const page = await visit()
    await page.keyboard.press('?')
    await page.waitForSelector('dialog[open]')
    await page.keyboard.press('Escape')
    await page.keyboard.press('/')
    await page.keyboard.type('order')
    await expect.poll(() => page.locator('.session-row').count()).toBe(1)
    await page.keyboard.press('Escape')
    await page.keyboard.press('j')
    await page.waitForSelector('main[data-view=session]')
    await page.keyboard.press('2')
    await page.waitForSelector('.timeline')
    await page.keyboard.press('s')
    await page.waitForSelector('main[data-view=store]')
    await page.keyboard.press('Escape')

    await page.waitForSelector('text=Choose a session')
  })

  test.each(['light', 'dark'] as const)('it follows the system into the %s', async (colorScheme) => {
    const page = await visit('/', { colorScheme })

    const [red] =
      (await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')).match(/\d+/) ?? []

    if (colorScheme === 'dark') expect(Number(red)).toBeLessThan(60)
    else expect(Number(red)).toBeGreaterThan(200)
  })

  test('on a phone the list gives way to the session, without sideways scrolling', async () => {
    const page = await visit('/', { viewport: { width: 390, height: 800 } })
    await page.locator('.session-row').first().click()
    await page.waitForSelector('main[data-view=session]')

    expect(await page.locator('.side').isVisible()).toBe(false)
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390)
    await page.click('[aria-label="Back to the list"]')
    await page.locator('.side').waitFor({ state: 'visible' })
  })

  test('an unknown session and a lost connection have calm states', async () => {
    const page = await visit('/s/nobody')
    await page.waitForSelector('text=This session cannot be shown')

    expect(await page.textContent('.refusal code')).toBe('NOT_FOUND')
    const [one] = open
    one?.troubles.splice(
      0,
      one.troubles.length,
      ...one.troubles.filter((text) => !text.includes('Failed to load resource')),
    )
  })
})
