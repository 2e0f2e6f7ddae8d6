/** Entries as rows, for those who compare. */
import { Group, Table, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { CatalogEntry } from '../../api/catalog.ts'
import { LongTable } from '../shell/long-table.tsx'
import { useSpeech } from '../text/language.tsx'
import { ComplianceBadges, dayText, MirroredBadge, SupportBadge } from './badges.tsx'
import { familyOf } from './catalog-search.ts'
import { Logo } from './logo.tsx'

export function EntryTable({
  entries,
  organization,
}: {
  readonly entries: readonly CatalogEntry[]
  readonly organization: string
}) {
  const { text } = useSpeech()
  const { columns } = text.catalog
  return (
    <LongTable
      items={entries}
      keyOf={(entry) => `${entry.upstream}/${entry.repository}`}
      head={
        <>
          <Table.Th>{columns.name}</Table.Th>
          <Table.Th>{columns.kind}</Table.Th>
          <Table.Th>{columns.distributions}</Table.Th>
          <Table.Th>{columns.compliance}</Table.Th>
          <Table.Th>{columns.support}</Table.Th>
          <Table.Th>{columns.updated}</Table.Th>
          <Table.Th>{columns.mirrors}</Table.Th>
        </>
      }
      row={(entry) => <EntryRow entry={entry} organization={organization} />}
    />
  )
}

function EntryRow({ entry, organization }: { readonly entry: CatalogEntry; readonly organization: string }) {
  const { text, language } = useSpeech()
  const own = entry.mirrors.filter((name) => name.startsWith(`${organization}/`)).length
  return (
    <>
      <Table.Td>
        <Group gap="xs" wrap="nowrap">
          <Logo organization={organization} entry={entry} size={24} />
          <Link
            to="/o/$organization/catalog/$upstream/$"
            params={{ organization, upstream: entry.upstream, _splat: entry.repository }}
            className="name clipped"
            title={entry.title ?? entry.repository}
          >
            {entry.title ?? entry.repository}
          </Link>
          <Text
            span
            c="dimmed"
            size="xs"
            ff="monospace"
            className="clipped"
            title={`${entry.upstream}/${entry.repository}`}
          >
            {entry.upstream}/{entry.repository}
          </Text>
        </Group>
      </Table.Td>
      <Table.Td className="one-line">{entry.kind === null ? null : text.catalog.kinds[entry.kind]}</Table.Td>
      <Table.Td>
        <Text size="sm" className="one-line">
          {[...new Set(entry.distributions.map(familyOf))].join(', ')}
        </Text>
      </Table.Td>
      <Table.Td>
        <Group gap={4} wrap="nowrap">
          <ComplianceBadges compliance={entry.compliance} />
        </Group>
      </Table.Td>
      <Table.Td>
        <SupportBadge isShort support={entry.support} until={entry.supportedUntil} />
      </Table.Td>
      <Table.Td className="one-line">{entry.updatedAt === null ? null : dayText(entry.updatedAt, language)}</Table.Td>
      <Table.Td>
        <MirroredBadge count={own} />
      </Table.Td>
    </>
  )
}
