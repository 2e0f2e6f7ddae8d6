/** What is installed, as the SBOMs of the image say. */
import { Alert, Stack, Table, Text, TextInput } from '@mantine/core'
import { usePackages } from '../api/images.ts'
import { number } from '../format/sizes.ts'
import { LongTable } from '../shell/long-table.tsx'
import { Empty, Failure, Rows } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'
import type { Known } from './known.ts'

export function PackagesSection({ place, contents, search, show }: Known) {
  const { text, language } = useSpeech()
  const words = text.images
  const packages = usePackages(place, search.platform, contents.readAt)
  const wanted = (search.q ?? '').toLowerCase()
  if (packages.isError) return <Failure error={packages.error} retry={() => void packages.refetch()} />
  if (contents.state === 'reading') return <Rows />
  if (!contents.hasSbom) return <Empty>{words.noSbom}</Empty>
  if (packages.data === undefined) return <Rows />
  const found = packages.data.filter((one) =>
    [one.name, one.source ?? '', one.version, one.licence ?? '', one.purl ?? ''].some((part) =>
      part.toLowerCase().includes(wanted),
    ),
  )
  return (
    <Stack gap="sm">
      <Problem problem={contents.problem} />
      <TextInput
        type="search"
        aria-label={words.searchPackages}
        placeholder={words.searchPackages}
        value={search.q ?? ''}
        onChange={(event) => show({ q: event.currentTarget.value })}
        maw={360}
      />
      <Text size="sm" c="dimmed" role="status">
        {words.ofPackages(number(found.length, language), number(packages.data.length, language))}
      </Text>
      {found.length === 0 ? (
        <Empty>{words.noPackage}</Empty>
      ) : (
        <LongTable
          items={found}
          keyOf={(one) => `${one.type} ${one.name} ${one.version}`}
          head={
            <>
              <Table.Th>{words.package}</Table.Th>
              <Table.Th>{words.version}</Table.Th>
              <Table.Th>{words.type}</Table.Th>
              <Table.Th>{words.licence}</Table.Th>
              <Table.Th>{words.source}</Table.Th>
            </>
          }
          row={(one) => (
            <>
              <Table.Td fw={500} title={one.purl ?? undefined}>
                {one.name}
              </Table.Td>
              <Table.Td ff="monospace" fz="sm">
                {one.version}
              </Table.Td>
              <Table.Td c="dimmed">{one.type}</Table.Td>
              <Table.Td>{one.licence ?? ''}</Table.Td>
              <Table.Td c="dimmed">{one.source ?? ''}</Table.Td>
            </>
          )}
        />
      )}
    </Stack>
  )
}

export function Problem({ problem }: { readonly problem: string | null }) {
  const { text } = useSpeech()
  return problem === null ? null : (
    <Alert color="orange" variant="light" title={text.images.notAll}>
      {problem}
    </Alert>
  )
}
