/** The head of a column that sorts a table: a click by it, one more the other way round. */
import { Table } from '@mantine/core'
import { ChevronDownIcon, ChevronUpIcon } from '@primer/octicons-react'

export function SortHead(o: {
  readonly label: string
  /** Undefined: the table is sorted by another column. */
  readonly isDown: boolean | undefined
  readonly isNumber?: boolean
  /** Not on a phone. */
  readonly isMinor?: boolean
  readonly onSort: () => void
}) {
  const Sign = o.isDown === true ? ChevronDownIcon : ChevronUpIcon
  return (
    <Table.Th
      {...(o.isMinor === true ? { visibleFrom: 'sm' } : {})}
      ta={o.isNumber === true ? 'right' : 'left'}
      aria-sort={o.isDown === undefined ? 'none' : o.isDown ? 'descending' : 'ascending'}
    >
      <button type="button" className="sort" onClick={o.onSort}>
        {o.label}
        {o.isDown === undefined ? null : <Sign size={12} aria-hidden="true" />}
      </button>
    </Table.Th>
  )
}
