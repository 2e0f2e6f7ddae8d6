/** What the reports that came with the image find, and what VEX says of it. What it does not have is folded, and counted. */
import { Button, Card, Group, Progress, Stack, Table, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { ImageVulnerability } from '../../api/images.ts'
import { useVulnerabilities } from '../api/images.ts'
import { number } from '../format/sizes.ts'
import { LongTable } from '../shell/long-table.tsx'
import { Empty, Failure, Rows } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'
import type { Known } from './known.ts'
import { Problem } from './packages-section.tsx'
import { type Severity, SeverityBadge, VexBadge } from './severity.tsx'

const BARS: readonly (readonly [severity: Severity, color: string])[] = [
  ['critical', 'red.9'],
  ['high', 'red.6'],
  ['medium', 'orange.5'],
  ['low', 'gray.5'],
  ['negligible', 'gray.4'],
  ['unknown', 'gray.4'],
]

const HARMLESS: readonly ImageVulnerability['status'][] = ['not_affected', 'fixed']

export function VulnerabilitiesSection({ place, contents, search, show }: Known) {
  const { text, language } = useSpeech()
  const words = text.images
  const [isFolded, { toggle }] = useDisclosure(true)
  const list = useVulnerabilities(place, search.platform, contents.readAt)
  if (list.isError) return <Failure error={list.error} retry={() => void list.refetch()} />
  if (contents.state === 'reading') return <Rows />
  if (!contents.hasReport && contents.suppressed === 0) return <Empty>{words.noReport}</Empty>
  if (list.data === undefined) return <Rows />
  const wanted = (search.q ?? '').toLowerCase()
  const found = list.data.filter((one) => [one.id, one.package].some((part) => part.toLowerCase().includes(wanted)))
  const open = found.filter(({ status }) => !HARMLESS.includes(status))
  const harmless = found.filter(({ status }) => HARMLESS.includes(status))
  return (
    <Stack gap="sm">
      <Problem problem={contents.problem} />
      <Bars counts={contents.vulnerabilities} />
      <TextInput
        type="search"
        aria-label={words.searchVulnerabilities}
        placeholder={words.searchVulnerabilities}
        value={search.q ?? ''}
        onChange={(event) => show({ q: event.currentTarget.value })}
        maw={360}
      />
      {open.length === 0 ? <Empty>{words.noOpen}</Empty> : <Vulnerabilities items={open} />}
      {harmless.length === 0 ? null : (
        <>
          <Group>
            <Button variant="default" onClick={toggle} aria-expanded={!isFolded}>
              {isFolded ? words.showHarmless(number(harmless.length, language)) : words.hideHarmless}
            </Button>
          </Group>
          {isFolded ? null : <Vulnerabilities items={harmless} />}
        </>
      )}
    </Stack>
  )
}

function Bars({ counts }: { readonly counts: Readonly<Record<Severity, number>> }) {
  const { text, language } = useSpeech()
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0)
  const some = BARS.filter(([severity]) => counts[severity] > 0)
  return (
    <Card withBorder>
      <Stack gap="xs">
        {all === 0 ? null : (
          <Progress.Root size="lg" aria-hidden="true">
            {some.map(([severity, color]) => (
              <Progress.Section key={severity} value={(100 * counts[severity]) / all} color={color} />
            ))}
          </Progress.Root>
        )}
        <Group gap="lg">
          {BARS.filter(([severity]) => counts[severity] > 0 || !['negligible', 'unknown'].includes(severity)).map(
            ([severity]) => (
              <Group key={severity} gap={6}>
                <Text fw={700}>{number(counts[severity], language)}</Text>
                <SeverityBadge severity={severity} />
              </Group>
            ),
          )}
        </Group>
        <Text size="sm" c="dimmed">
          {text.images.fromReports}
        </Text>
      </Stack>
    </Card>
  )
}

function Vulnerabilities({ items }: { readonly items: readonly ImageVulnerability[] }) {
  const { text } = useSpeech()
  const words = text.images
  return (
    <LongTable
      items={items}
      keyOf={(one) => `${one.id} ${one.package}`}
      head={
        <>
          <Table.Th>{words.vulnerability}</Table.Th>
          <Table.Th>{words.severity}</Table.Th>
          <Table.Th ta="right">{words.score}</Table.Th>
          <Table.Th>{words.package}</Table.Th>
          <Table.Th>{words.fixedIn}</Table.Th>
          <Table.Th>{words.vex}</Table.Th>
        </>
      }
      row={(one) => (
        <>
          <Table.Td fw={500} style={{ whiteSpace: 'nowrap' }}>
            {one.id}
          </Table.Td>
          <Table.Td>
            <SeverityBadge severity={one.severity} />
          </Table.Td>
          <Table.Td ta="right">{one.score?.toFixed(1) ?? ''}</Table.Td>
          <Table.Td>
            {one.package}{' '}
            <Text span size="xs" c="dimmed" ff="monospace">
              {one.version ?? ''}
            </Text>
          </Table.Td>
          {one.fixedIn === null ? (
            <Table.Td c="dimmed">{words.noFix}</Table.Td>
          ) : (
            <Table.Td ff="monospace" fz="sm">
              {one.fixedIn}
            </Table.Td>
          )}
          <Table.Td>
            <VexBadge status={one.status} />
            {one.vex === null ? null : (
              <Text size="xs" c="dimmed" maw={280}>
                {[one.vex.justification?.replaceAll('_', ' '), one.vex.impact ?? one.vex.action]
                  .filter((part) => part)
                  .join(': ')}
              </Text>
            )}
          </Table.Td>
        </>
      )}
    />
  )
}
