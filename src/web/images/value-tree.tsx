/** A JSON value as names and values that fold: text only, whatever stands in it. */
import { Text } from '@mantine/core'

/** What is nested deeper, or is longer, is folded at first. */
const OPEN_DEPTH = 2
const OPEN_ENTRIES = 12

export function ValueTree({ value }: { readonly value: unknown }) {
  return <Value value={value} depth={0} />
}

function Value({ value, depth }: { readonly value: unknown; readonly depth: number }) {
  if (typeof value !== 'object' || value === null) return <Scalar value={value} />
  const entries = Object.entries(value)
  if (entries.length === 0)
    return (
      <Text span size="sm">
        {Array.isArray(value) ? '[]' : '{}'}
      </Text>
    )
  return (
    <ul className="values">
      {entries.map(([name, member]) => (
        <li key={name}>
          <Entry name={Array.isArray(value) ? titleOf(name, member) : name} value={member} depth={depth} />
        </li>
      ))}
    </ul>
  )
}

function Entry({ name, value, depth }: { readonly name: string; readonly value: unknown; readonly depth: number }) {
  const isBranch = typeof value === 'object' && value !== null && Object.keys(value).length > 0
  if (!isBranch) {
    return (
      <>
        <b>{name}</b> <Value value={value} depth={depth + 1} />
      </>
    )
  }
  const size = Object.keys(value).length
  return (
    <details open={depth < OPEN_DEPTH && size <= OPEN_ENTRIES}>
      <summary>
        <b>{name}</b>{' '}
        <Text span size="xs" c="dimmed">
          {size}
        </Text>
      </summary>
      <Value value={value} depth={depth + 1} />
    </details>
  )
}

/** What tells an entry of a list from others, where it has such a member. */
function titleOf(index: string, value: unknown): string {
  const place = `${Number(index) + 1}`
  if (typeof value !== 'object' || value === null) return place
  const of = value as Readonly<Record<string, unknown>>
  const name = ['name', 'id', 'uri', 'purl', 'key', 'title']
    .map((key) => of[key])
    .find((one) => typeof one === 'string')
  return name === undefined ? place : `${place} · ${name}`
}

function Scalar({ value }: { readonly value: unknown }) {
  return (
    <Text span size="sm" ff="monospace" style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
      {typeof value === 'string' ? value : JSON.stringify(value)}
    </Text>
  )
}
