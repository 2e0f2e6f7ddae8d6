/** A table of any number of rows, of which only those in sight are there. */
import { Table } from '@mantine/core'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useLayoutEffect, useRef, useState } from 'react'

const ROW_PX = 37

export function LongTable<T>(o: {
  readonly items: readonly T[]
  readonly keyOf: (item: T) => string
  readonly head?: ReactNode
  /** The cells of one row. */
  readonly row: (item: T) => ReactNode
}) {
  const body = useRef<HTMLTableSectionElement>(null)
  const [scrollMargin, setScrollMargin] = useState(0)
  useLayoutEffect(() => setScrollMargin(body.current?.offsetTop ?? 0), [])
  const rows = useWindowVirtualizer({
    count: o.items.length,
    estimateSize: () => ROW_PX,
    overscan: 12,
    scrollMargin,
  })
  const shown = rows.getVirtualItems()
  const above = (shown[0]?.start ?? scrollMargin) - scrollMargin
  const below = rows.getTotalSize() - ((shown.at(-1)?.end ?? scrollMargin) - scrollMargin)
  return (
    <Table.ScrollContainer minWidth={o.head === undefined ? 300 : 680}>
      <Table highlightOnHover verticalSpacing={6} aria-rowcount={o.items.length}>
        {o.head === undefined ? null : (
          <Table.Thead>
            <Table.Tr>{o.head}</Table.Tr>
          </Table.Thead>
        )}
        <Table.Tbody ref={body}>
          {above > 0 ? <Spacer height={above} /> : null}
          {shown.map(({ index }) => {
            const item = o.items[index]
            return item === undefined ? null : <Table.Tr key={o.keyOf(item)}>{o.row(item)}</Table.Tr>
          })}
          {below > 0 ? <Spacer height={below} /> : null}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

function Spacer({ height }: { readonly height: number }) {
  return (
    <tr>
      <td style={{ height, padding: 0, border: 0 }} />
    </tr>
  )
}
