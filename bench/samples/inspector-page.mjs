/** The inspector in a real browser, and what it costs the runtime beside it. `{why}` without a browser. */
import { fork } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { launchChromium, visit } from '../chromium.mjs'

const SETTLE_MS = 1000
const program = fileURLToPath(new URL('../inspected-runtime.mjs', import.meta.url))

/** Runs one sample: `visits` to each place, then `turns` of appends with a page attached and without. */
export async function run({ dir, folder, ms, visits, turns }) {
  const browser = await launchChromium(folder)
  if (browser === undefined) return { why: 'there is no Chromium on this machine' }
  const runtime = startRuntime()
  const { long, busyId } = await runtime.ask('open', dir)
  const open = async (place, selector) =>
    visit(browser, `${await runtime.ask('url')}&to=${encodeURIComponent(place)}`, selector)
  const places = {
    list: ['/', '.session-row'],
    session: [`/s/${long.id}?tab=timeline`, `[data-revision="${long.revision}"]`],
  }
  const times = { list: [], session: [] }
  for (let n = 0; n < visits; n += 1) {
    for (const [name, place] of Object.entries(places)) {
      const { paintMs, interactiveMs, close } = await open(...place)
      times[name].push({ paintMs, interactiveMs })
      await close()
    }
  }
  const appendFor = () => runtime.ask('appendFor', ms)
  const withPage = async () => {
    const { close } = await open(`/s/${busyId}?tab=timeline`, '[data-revision]')
    // A page that is there, not one that comes; and code that has served it before.
    await sleep(SETTLE_MS)
    await appendFor()
    const figures = await appendFor()
    await close()
    return figures
  }
  await runtime.ask('warmUp', ms)
  // The code that serves a page has to be compiled, too.
  await withPage()
  const rates = { without: [], attached: [] }
  for (let turn = 0; turn < turns; turn += 1) {
    rates.without.push(await appendFor())
    rates.attached.push(await withPage())
  }
  await browser.close()
  await runtime.ask('close')
  runtime.stop()
  return { times, rates }
}

function startRuntime() {
  const child = fork(program, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const ask = (call, ...args) =>
    new Promise((resolve, reject) => {
      const ended = (code) => reject(new TypeError(`the inspected runtime ended with ${code} at ${call}`))
      child.once('exit', ended)
      child.once('message', ({ answer }) => {
        child.off('exit', ended)
        resolve(answer)
      })
      child.send({ call, args })
    })
  return { ask, stop: () => child.disconnect() }
}
