/** A Chromium of the machine, and what a page of it feels like. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const VIEWPORT = { width: 1280, height: 800 }

/**
 * Starts it without anything that would look for the outside, and so that it runs only where nobody else wants the processor:
 * they are there for the runtime that is measured. Undefined when there is none.
 */
export async function launchChromium(folder) {
  const installed = PATHS.find((path) => existsSync(path))
  if (installed === undefined) return undefined
  const { chromium } = await import('playwright-core')
  const quiet = [
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ]
  return chromium.launch({
    executablePath: yielding(installed, folder),
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', ...quiet],
  })
}

/** A program that starts another one which lets all others go first: a browser run by root gives itself another niceness. */
function yielding(program, folder) {
  const script = join(folder, 'yielding-browser')
  const first = `command -v chrt > /dev/null && exec chrt --idle 0 '${program}' "$@"`
  writeFileSync(script, `#!/bin/sh\n${first}\nexec nice -n 19 '${program}' "$@"\n`, { mode: 0o700 })
  return script
}

/** A browser without a cache goes to a place: milliseconds to the first paint, and until `selector` is there and answers. */
export async function visit(browser, url, selector) {
  const context = await browser.newContext({ viewport: VIEWPORT })
  const page = await context.newPage()
  await page.addInitScript(noticeWhenInteractive, selector)
  const startedAt = Date.now()
  await page.goto(url)
  await page.waitForFunction(() => globalThis.benchInteractiveAt !== undefined, undefined, { polling: 50 })
  const { paintedAt, interactiveAt } = await page.evaluate(() => {
    const [painted] = performance.getEntriesByName('first-contentful-paint')
    return {
      paintedAt: performance.timeOrigin + (painted?.startTime ?? Number.NaN),
      interactiveAt: globalThis.benchInteractiveAt,
    }
  })
  return {
    paintMs: paintedAt - startedAt,
    interactiveMs: interactiveAt - startedAt,
    page,
    close: () => context.close(),
  }
}

/** Runs in the page: notes when the selector matches, the frame is drawn and the main thread takes the next task. */
function noticeWhenInteractive(selector) {
  const watch = new MutationObserver(() => {
    if (document.querySelector(selector) === null) return
    watch.disconnect()
    requestAnimationFrame(() => setTimeout(() => (globalThis.benchInteractiveAt = Date.now())))
  })
  watch.observe(document, { childList: true, subtree: true })
}
