/** A real Chromium for the page's tests: an error in CI when it is missing, a loud SKIPPED line elsewhere. */
import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Where Chromium is; undefined when there is none and that is allowed. */
export function chromiumPath(): string | undefined {
  const path = PATHS.find((candidate) => existsSync(candidate))
  if (path === undefined && process.env['CI'] !== undefined)
    throw new TypeError('Chromium is missing: apt-get install chromium')
  if (path === undefined)
    console.log('SKIPPED the page in a real browser: there is no Chromium on this machine')
  return path
}

/** Starts it without anything that would look for the outside. */
export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
}
