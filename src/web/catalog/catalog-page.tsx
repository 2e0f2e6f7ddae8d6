/** What the upstreams offer, found as one types. */
import { Group, SegmentedControl, Select, Stack, Table, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { CheckIcon } from '@primer/octicons-react'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { CatalogEntry } from '../../api/catalog.ts'
import { useCatalog } from '../api/catalog.ts'
import { useUpstreams } from '../api/upstreams.ts'
import { number } from '../format/sizes.ts'
import { LongTable } from '../shell/long-table.tsx'
import { Empty, Failure, Page, Rows } from '../shell/parts.tsx'
import { Status } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'
import type { CatalogSearch, Shown } from './catalog-search.ts'

/** Every word stands in the name or the title. */
function isFound(entry: CatalogEntry, words: readonly string[], show: Shown, organization: string): boolean {
  const text = `${entry.repository} ${entry.title ?? ''}`.toLowerCase()
  const isMirrored = entry.mirrors.some((name) => name.startsWith(`${organization}/`))
  return words.every((word) => text.includes(word)) && (show === 'all' || (show === 'mirrored') === isMirrored)
}

export function CatalogPage() {
  const { text, language } = useSpeech()
  const { organization } = useParams({ from: '/within/o/$organization/catalog' })
  const search = useSearch({ from: '/within/o/$organization/catalog' })
  const navigate = useNavigate({ from: '/o/$organization/catalog' })
  const upstreams = useUpstreams(organization)
  const upstream = search.upstream ?? upstreams.data?.[0]?.name
  const catalog = useCatalog(upstream)
  const { q = '', show = 'all' } = search
  const [wanted] = useDebouncedValue(q, 80)
  const all = catalog.data?.items
  const found = useMemo(() => {
    const words = wanted.toLowerCase().split(/\s+/).filter(Boolean)
    return all?.filter((entry) => isFound(entry, words, show, organization))
  }, [all, wanted, show, organization])
  const change = (changed: CatalogSearch) => void navigate({ search: { ...search, ...changed }, replace: true })

  return (
    <Page title={text.catalog.title} lead={text.catalog.lead}>
      <Group align="flex-end">
        <Select
          label={text.catalog.upstream}
          data={(upstreams.data ?? []).map(({ name }) => name)}
          value={upstream ?? null}
          onChange={(chosen) => chosen !== null && change({ upstream: chosen })}
          allowDeselect={false}
          w={180}
        />
        <TextInput
          label={text.catalog.searchLabel}
          type="search"
          value={q}
          onChange={(event) => change({ q: event.currentTarget.value })}
          flex={1}
          miw={180}
        />
        <SegmentedControl
          aria-label={text.catalog.mirrored}
          value={show}
          onChange={(chosen) => change({ show: chosen as Shown })}
          data={[
            { value: 'all', label: text.catalog.all },
            { value: 'mirrored', label: text.catalog.onlyMirrored },
            { value: 'not-mirrored', label: text.catalog.notMirrored },
          ]}
        />
      </Group>
      {catalog.isError ? <Failure error={catalog.error} retry={() => void catalog.refetch()} /> : null}
      {upstreams.data?.length === 0 ? <Empty>{text.catalog.noUpstream}</Empty> : null}
      {found === undefined ? (
        catalog.isLoading || upstreams.isLoading ? (
          <Rows />
        ) : null
      ) : (
        <Stack gap={4}>
          <Text size="sm" c="dimmed" aria-live="polite">
            {text.catalog.count(number(found.length, language), number(all?.length ?? 0, language))}
            {catalog.data?.isWhole === false ? ` ${text.common.incomplete(number(all?.length ?? 0, language))}` : ''}
          </Text>
          {found.length === 0 ? (
            <Empty>{text.catalog.empty}</Empty>
          ) : (
            <LongTable
              items={found}
              keyOf={(entry) => entry.repository}
              row={(entry) => <EntryRow entry={entry} organization={organization} />}
            />
          )}
        </Stack>
      )}
    </Page>
  )
}

function EntryRow({ entry, organization }: { readonly entry: CatalogEntry; readonly organization: string }) {
  const { text } = useSpeech()
  const own = entry.mirrors.filter((name) => name.startsWith(`${organization}/`))
  return (
    <>
      <Table.Td>
        <Link
          to="/o/$organization/catalog/$upstream/$"
          params={{ organization, upstream: entry.upstream, _splat: entry.repository }}
          className="name"
        >
          {entry.repository}
        </Link>
        {entry.title === null ? null : (
          <Text span c="dimmed" size="sm" ml="sm">
            {entry.title}
          </Text>
        )}
      </Table.Td>
      <Table.Td ta="right">
        {own.length === 0 ? null : (
          <Status tone="good" icon={CheckIcon}>
            {text.catalog.mirrors(own.length)}
          </Status>
        )}
      </Table.Td>
    </>
  )
}
