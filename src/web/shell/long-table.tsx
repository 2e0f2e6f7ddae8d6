/** A table of any number of rows, of which only those in sight are there. */
import { Table, useMatches } from '@mantine/core'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useLayoutEffect, useRef, useState } from 'react'

/** A row of one line, as long lists of tags have. Each is measured once it is there: where there is little room, texts break. */
const ROW_PX = 36
const WIDE_PX = 680
const HEADLESS_PX = 300

export function LongTable<T>(o: {
  readonly items: readonly T[]
  readonly keyOf: (item: T) => string
  readonly head?: ReactNode
  /** Where cells of lesser weight hide on a phone (`visibleFrom="sm"`): how wide the others are at least. */
  readonly phonePx?: number
  /** The cells of one row. */
  readonly row: (item: T) => ReactNode
}) {
  const body = useRef<HTMLTableSectionElement>(null)
  const widePx = o.head === undefined ? HEADLESS_PX : WIDE_PX
  const minWidth = useMatches({ base: o.phonePx ?? widePx, sm: widePx }, { getInitialValueInEffect: false })
  const [scrollMargin, setScrollMargin] = useState(0)
  useLayoutEffect(() => {
    const place = () => {
      if (body.current !== null) setScrollMargin(Math.round(body.current.getBoundingClientRect().top + window.scrollY))
    }
    place()
    // What comes or goes above it moves it.
    const watcher = new ResizeObserver(place)
    watcher.observe(document.body)
    return () => watcher.disconnect()
  }, [])
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
    <Table.ScrollContainer minWidth={minWidth}>
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
            return item === undefined ? null : (
              <Table.Tr key={o.keyOf(item)} data-index={index} ref={rows.measureElement}>
                {o.row(item)}
              </Table.Tr>
            )
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
