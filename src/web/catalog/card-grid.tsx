/** Entries as cards: of any number of them only those in sight are there. */
import { Group, Text } from '@mantine/core'
import { useElementSize, useMergedRef } from '@mantine/hooks'
import { Link } from '@tanstack/react-router'
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { useLayoutEffect, useRef, useState } from 'react'
import type { CatalogEntry } from '../../api/catalog.ts'
import { ComplianceBadges, KindBadge, MirroredBadge, SupportBadge } from './badges.tsx'
import { familyOf } from './catalog-search.ts'
import { Logo } from './logo.tsx'

const CARD_PX = 156
const GAP_PX = 12
const LEAST_WIDTH_PX = 290

export function CardGrid({
  entries,
  organization,
}: {
  readonly entries: readonly CatalogEntry[]
  readonly organization: string
}) {
  const { ref: measured, width } = useElementSize<HTMLUListElement>()
  const list = useRef<HTMLUListElement>(null)
  const ref = useMergedRef(measured, list)
  const [scrollMargin, setScrollMargin] = useState(0)
  const columns = Math.max(1, Math.floor((width + GAP_PX) / (LEAST_WIDTH_PX + GAP_PX)))
  // biome-ignore lint/correctness/useExhaustiveDependencies: what stands above takes more lines where there is less width.
  useLayoutEffect(() => setScrollMargin(list.current?.offsetTop ?? 0), [width])
  const rows = useWindowVirtualizer({
    count: Math.ceil(entries.length / columns),
    estimateSize: () => CARD_PX + GAP_PX,
    overscan: 4,
    scrollMargin,
  })
  return (
    <ul ref={ref} className="cards" style={{ height: rows.getTotalSize() }}>
      {rows.getVirtualItems().flatMap(({ index, start }) =>
        entries.slice(index * columns, (index + 1) * columns).map((entry, column) => (
          <li
            key={`${entry.upstream}/${entry.repository}`}
            aria-setsize={entries.length}
            aria-posinset={index * columns + column + 1}
            style={{
              height: CARD_PX,
              width: `calc((100% - ${(columns - 1) * GAP_PX}px) / ${columns})`,
              left: `calc((100% + ${GAP_PX}px) / ${columns} * ${column})`,
              top: start - scrollMargin,
            }}
          >
            <EntryCard entry={entry} organization={organization} />
          </li>
        )),
      )}
    </ul>
  )
}

function EntryCard({ entry, organization }: { readonly entry: CatalogEntry; readonly organization: string }) {
  const own = entry.mirrors.filter((name) => name.startsWith(`${organization}/`)).length
  const families = [...new Set(entry.distributions.map(familyOf))]
  return (
    <article className="card">
      <Group gap="sm" wrap="nowrap">
        <Logo organization={organization} entry={entry} size={40} />
        <div className="shrinks">
          <Text fw={600} truncate component="h2" m={0} fz="md">
            <Link
              to="/o/$organization/catalog/$upstream/$"
              params={{ organization, upstream: entry.upstream, _splat: entry.repository }}
              className="name whole"
            >
              {entry.title ?? entry.repository}
            </Link>
          </Text>
          <Text size="xs" c="dimmed" ff="monospace" truncate>
            {entry.upstream}/{entry.repository}
          </Text>
        </div>
      </Group>
      <div className="rest">
        <Text size="sm" lineClamp={2}>
          {entry.description}
        </Text>
      </div>
      <Group gap={4} className="badges">
        <MirroredBadge count={own} />
        {entry.kind === 'chart' ? <KindBadge kind="chart" /> : null}
        <ComplianceBadges compliance={entry.compliance} />
        {entry.support === 'active' ? null : <SupportBadge support={entry.support} until={entry.supportedUntil} />}
        {families.length === 0 ? null : (
          <Text size="xs" c="dimmed">
            {families.join(' · ')}
          </Text>
        )}
      </Group>
    </article>
  )
}
