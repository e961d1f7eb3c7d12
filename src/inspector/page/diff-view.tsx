/**
 * What differs between two revisions, in the machine context and in the record.
 */
import microdiff from 'microdiff'
import type { ReactNode } from 'react'
import { sessionPath, type Detail, type Json } from './api.ts'
import { visible } from './format.ts'
import { Calm, RefusalNote, useReading } from './parts.tsx'
import { go, sessionHash } from './route.ts'

interface Props {
  readonly id: string
  readonly revision: number
  readonly newest: number
  readonly query: URLSearchParams
}

/** The differences between a chosen revision and the one looked at. */
export function DiffView({ id, revision, newest, query }: Props): ReactNode {
  const from = Math.min(Math.max(Number(query.get('from') ?? revision - 1) || 1, 1), newest)
  const before = useReading<Detail>(sessionPath(id, `/at/${from}`))
  const after = useReading<Detail>(sessionPath(id, `/at/${revision}`))
  const error = before.error ?? after.error
  return (
    <div className="panel padded" style={{ display: 'grid', gap: 16, alignContent: 'start' }}>
      <div className="row">
        <label className="row">
          from revision
          <input
            type="number"
            min={1}
            max={newest}
            value={from}
            style={{ width: 90 }}
            onChange={(event) => go(sessionHash(id, { from: event.target.value }, query), true)}
          />
        </label>
        <span>to revision {revision}</span>
      </div>
      {error !== undefined && <RefusalNote error={error} />}
      {before.data !== undefined && after.data !== undefined && (
        <Differences before={before.data} after={after.data} />
      )}
    </div>
  )
}

function Differences({ before, after }: { readonly before: Detail; readonly after: Detail }): ReactNode {
  const shape = ({ value, policy, context, record }: Detail): object => ({ value, policy, context, record })
  const differences = microdiff(shape(before), shape(after))
  if (differences.length === 0)
    return (
      <Calm title="No difference">
        <p>Context and record are the same at both revisions.</p>
      </Calm>
    )
  return (
    <table className="diff">
      <thead>
        <tr>
          <th>where</th>
          <th>was</th>
          <th>is</th>
        </tr>
      </thead>
      <tbody>
        {differences.map((difference) => (
          <tr key={difference.path.join('.')}>
            <td className="mono">{visible(difference.path.join('.'))}</td>
            <td className="mono was">{'oldValue' in difference ? text(difference.oldValue as Json) : '–'}</td>
            <td className="mono is">{'value' in difference ? text(difference.value as Json) : '–'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function text(value: Json): string {
  const full = visible(JSON.stringify(value))
  return full.length > 400 ? `${full.slice(0, 400)}…` : full
}
