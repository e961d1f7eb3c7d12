/**
 * `sessionwright doctor`: is the store sound, and with `--repair` make it so.
 *   CR1  Looking takes no lock and writes nothing.
 *   CR2  Repair sets aside before it drops, and lifts the quarantine of every session; what it could not bring back is
 *        said, session by session.
 */
import type { Command } from 'commander'
import type { Diagnosis, RepairReport, Runtime } from '../../index.ts'
import { diagnose, repair, systemIds } from '../../index.ts'
import { EXIT } from '../exit-codes.ts'
import { writeStore } from '../open-store.ts'
import type { StoreOptions } from '../options.ts'
import { withStore } from '../options.ts'
import { printResult } from '../output.ts'
import { fieldLines } from '../table.ts'

interface Options extends StoreOptions {
  readonly repair?: boolean
}

/** Adds `doctor` to the program. */
export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('look for damage in the store')
    .option('--repair', 'set damaged parts aside, bring back the rest, lift quarantines')
  withStore(command).action(async (options: Options) => {
    if (options.repair === true) await repairStore(options)
    else await diagnoseStore(options)
  })
}

async function diagnoseStore(options: Options): Promise<void> {
  const diagnosis = await diagnose(options.store) // CR1
  await printResult(options, diagnosis, () => diagnosisLines(diagnosis))
  if (!diagnosis.isSound) process.exitCode = EXIT.damage
}

async function repairStore(options: Options): Promise<void> {
  const report = await repair(options.store, { unique: () => systemIds.session() })
  const released = await writeStore(options, releaseAll) // CR2
  const after = await diagnose(options.store)
  const result = { ...report, released, isSound: after.isSound }
  await printResult(options, result, () => repairLines(report, released, after))
  if (!after.isSound) process.exitCode = EXIT.damage
}

/** Lifts every quarantine; the ids of the sessions that were set aside. */
async function releaseAll(runtime: Runtime): Promise<string[]> {
  const released: string[] = []
  let cursor: string | undefined
  do {
    const page = await runtime.list({
      order: 'created-asc',
      limit: 1000,
      ...(cursor === undefined ? {} : { cursor }),
    })
    for (const { id, quarantined } of page.items) {
      if (!quarantined) continue
      await runtime.release(id)
      released.push(id)
    }
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return released
}

function diagnosisLines(diagnosis: Diagnosis): string[] {
  const { place, isSound, format, owner, sessions, segments, journalBytes, deadBytes, leftovers } = diagnosis
  const { damage, damagedSessions, tornTail } = diagnosis
  return [
    ...fieldLines({
      ...{ place, sound: isSound ? 'yes' : 'no', format: format.found, sessions },
      ...{ segments: segments.length, journalBytes, deadBytes, leftovers: leftovers.length },
      owner: owner?.isLive === true ? `process ${owner.pid}` : null,
    }),
    ...(tornTail === null
      ? []
      : [`torn end: ${tornTail.file} at byte ${tornTail.byte}; the next owner cuts it`]),
    ...damage.map(
      ({ file, byte, bytes, reason }) => `damage: ${file} at byte ${byte}, ${bytes} bytes: ${reason}`,
    ),
    ...damagedSessions.map((id) => `touched: ${id}`),
    ...(isSound ? [] : ['run `sessionwright doctor --repair`']),
  ]
}

function repairLines(report: RepairReport, released: readonly string[], after: Diagnosis): string[] {
  return [
    ...report.sessions.map(({ sessionId, outcome, revision, lostRevisions, liftedEntries }) => {
      const lost = lostRevisions.map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`))
      const cost = lost.length === 0 ? 'no change is lost' : `lost changes: ${lost.join(', ')}`
      return `${sessionId}: ${outcome}, now at revision ${revision}; ${cost}; ${liftedEntries} entries saved`
    }),
    ...report.unattributed.map(({ file, byte }) => `${file} at byte ${byte}: taken out, of no known session`),
    ...report.aside.map((file) => `set aside: ${file}`),
    ...released.map((id) => `released: ${id}`),
    report.repaired ? 'repaired' : 'nothing to repair',
    after.isSound ? 'the store is sound' : 'the store is not sound',
  ]
}
