/** What changed from another tag or digest to this one. */
import { Group, Select, Stack, Table, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import type { ImageComparison } from '../../api/image-compare.ts'
import { useComparison } from '../api/images.ts'
import { useTags } from '../api/tags.ts'
import { bytes, number } from '../format/sizes.ts'
import { Facts } from '../shell/facts.tsx'
import { Empty, Failure, Rows } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'
import type { Known } from './known.ts'
import { SeverityBadge } from './severity.tsx'

export function CompareSection({ place, image, search, show }: Known) {
  const { text } = useSpeech()
  const words = text.images
  const tags = useTags(place.repository)
  const names = tags.data?.items.filter(({ name }) => !/^sha\d+-/.test(name)).map(({ name }) => name) ?? []
  // A digest comes from the history of a tag.
  const choices = [...new Set([...(search.with === undefined ? [] : [search.with]), ...names])]
  return (
    <Stack>
      <Group align="end">
        <Select
          label={words.compareWith}
          placeholder={words.choose}
          data={choices.filter((one) => one !== image.tag)}
          value={search.with ?? null}
          onChange={(chosen) => chosen !== null && show({ with: chosen })}
          allowDeselect={false}
          searchable
          limit={100}
          w={320}
        />
      </Group>
      {search.with === undefined ? (
        <Empty>{words.compareLead}</Empty>
      ) : (
        <Compared repository={place.repository} from={search.with} to={place.reference} platform={search.platform} />
      )}
    </Stack>
  )
}

function Compared(o: { repository: string; from: string; to: string; platform: string | undefined }) {
  const { text } = useSpeech()
  const words = text.images
  const { repository, ...query } = o
  const comparison = useComparison(repository, query)
  if (comparison.isError) return <Failure error={comparison.error} retry={() => void comparison.refetch()} />
  if (comparison.data === undefined) return <Rows />
  return comparison.data.isSame ? <Empty>{words.same}</Empty> : <Difference found={comparison.data} />
}

function Difference({ found }: { readonly found: ImageComparison }) {
  const { text, language } = useSpeech()
  const words = text.images
  const { from, to, packages, vulnerabilities } = found
  const grown = to.sizeBytes - from.sizeBytes
  const changes = [...vulnerabilities.new, ...vulnerabilities.fixed, ...vulnerabilities.suppressed]
  const values = [...found.config, ...found.env, ...found.labels]
  return (
    <Stack>
      <Facts
        cols={{ base: 2, sm: 4 }}
        facts={[
          [
            words.size,
            `${bytes(from.sizeBytes, language)} → ${bytes(to.sizeBytes, language)} (${grown < 0 ? '−' : '+'}${bytes(Math.abs(grown), language)})`,
          ],
          [words.fixed, number(vulnerabilities.counts.fixed + vulnerabilities.counts.suppressed, language)],
          [words.newOnes, number(vulnerabilities.counts.new, language)],
          [
            words.changedPackages,
            number(packages.counts.added + packages.counts.removed + packages.counts.changed, language),
          ],
        ]}
      />
      <Section title={words.sections.vulnerabilities} lead={vulnerabilities.isKnown ? undefined : words.unknownReports}>
        <Findings title={words.newOnes} items={vulnerabilities.new} />
        <Findings title={words.fixed} items={vulnerabilities.fixed} />
        <Findings title={words.suppressedNow} items={vulnerabilities.suppressed} />
        {vulnerabilities.isKnown && changes.length === 0 ? <Text size="sm">{words.noChange}</Text> : null}
      </Section>
      <Section title={words.sections.packages} lead={packages.isKnown ? undefined : words.unknownSboms}>
        <Changes
          rows={[...packages.changed, ...packages.added, ...packages.removed].map((one) => [
            one.name,
            one.from,
            one.to,
          ])}
        />
      </Section>
      <Section title={words.sections.config}>
        <Changes rows={values.map((one) => [one.name, one.from, one.to])} />
      </Section>
    </Stack>
  )
}

type Findings = ImageComparison['vulnerabilities']['fixed']

function Findings({ title, items }: { readonly title: string; readonly items: Findings }) {
  return items.length === 0 ? null : (
    <div>
      <Text fw={500} size="sm">
        {title}
      </Text>
      <Lines>
        {items.map((one) => (
          <Table.Tr key={`${one.id} ${one.package}`}>
            <Table.Td fw={500}>{one.id}</Table.Td>
            <Table.Td>
              <SeverityBadge severity={one.severity} />
            </Table.Td>
            <Table.Td>{one.package}</Table.Td>
          </Table.Tr>
        ))}
      </Lines>
    </div>
  )
}

function Changes({ rows }: { readonly rows: readonly (readonly [string, string | null, string | null])[] }) {
  const { text } = useSpeech()
  const words = text.images
  if (rows.length === 0) return <Text size="sm">{words.noChange}</Text>
  return (
    <Lines>
      {rows.map(([name, from, to]) => (
        <Table.Tr key={`${name} ${from} ${to}`}>
          <Table.Th scope="row" fw={500} w="34%" style={{ overflowWrap: 'anywhere' }}>
            {name}
          </Table.Th>
          <Table.Td>{from === null ? words.added : to === null ? words.removed : words.changed}</Table.Td>
          <Table.Td ff="monospace" fz="sm" style={{ overflowWrap: 'anywhere' }}>
            {[from, to].filter((one) => one !== null).join(' → ')}
          </Table.Td>
        </Table.Tr>
      ))}
    </Lines>
  )
}

function Lines({ children }: { readonly children: ReactNode }) {
  return (
    <Table verticalSpacing={4}>
      <Table.Tbody>{children}</Table.Tbody>
    </Table>
  )
}
