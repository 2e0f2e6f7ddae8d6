/** What the upstreams offer, found as one types. */
import { Group, Skeleton, Text } from '@mantine/core'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useDeferredValue, useMemo } from 'react'
import { isFirstRead, useCatalogs } from '../api/catalog.ts'
import { useUpstreams } from '../api/upstreams.ts'
import { number } from '../format/sizes.ts'
import { Empty, Failure, Page } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'
import { CardGrid } from './card-grid.tsx'
import { type CatalogSearch, filtersOf, findEntries, indexed } from './catalog-search.ts'
import { EntryTable } from './entry-table.tsx'
import { Filters, SearchLine } from './filters.tsx'
import { ByName, Sources, Troubles } from './sources.tsx'

export function CatalogPage() {
  const { text, language } = useSpeech()
  const { organization } = useParams({ from: '/within/o/$organization/catalog' })
  const search = useSearch({ from: '/within/o/$organization/catalog' })
  const navigate = useNavigate({ from: '/o/$organization/catalog' })
  const upstreams = useUpstreams(organization)
  const names = [...new Set((upstreams.data ?? []).map(({ name }) => name))]
  const chosen = search.upstream !== undefined && names.includes(search.upstream) ? [search.upstream] : names
  const { catalogs, isLoading, error, refetch } = useCatalogs(organization, chosen)
  const all = useMemo(() => indexed(catalogs.flatMap(({ entries }) => entries)), [catalogs])
  const entries = useMemo(() => all.map(({ entry }) => entry), [all])
  const wanted = useDeferredValue(search)
  const found = useMemo(() => findEntries(all, wanted, organization), [all, wanted, organization])
  const change = (changed: { readonly [key in keyof CatalogSearch]?: CatalogSearch[key] | undefined }) =>
    void navigate({ search: { ...search, ...changed } as CatalogSearch, replace: true, resetScroll: false })
  const isWaiting = (isLoading || upstreams.isLoading || catalogs.some(isFirstRead)) && all.length === 0
  const isNarrowed = search.q !== undefined || filtersOf(search) > 0
  const isPartial = catalogs.some(({ isWhole }) => !isWhole)

  return (
    <Page title={text.catalog.title} lead={text.catalog.lead}>
      <SearchLine search={search} change={change} upstreams={names} />
      <Filters search={search} change={change} entries={entries} />
      {upstreams.isError ? <Failure error={upstreams.error} retry={() => void upstreams.refetch()} /> : null}
      {error === null ? null : <Failure error={error} retry={refetch} />}
      {upstreams.data?.length === 0 ? <Empty>{text.catalog.noUpstream}</Empty> : null}
      <Troubles catalogs={catalogs} organization={organization} />
      {catalogs.length === 0 ? null : (
        <Group justify="space-between" gap="xs">
          <Text size="sm" c="dimmed" aria-live="polite">
            {isWaiting ? null : text.catalog.count(number(found.length, language), number(all.length, language))}
            {isPartial ? ` ${text.common.incomplete(number(all.length, language))}` : ''}
          </Text>
          <Sources catalogs={catalogs} organization={organization} />
        </Group>
      )}
      {isWaiting ? <Cards /> : null}
      {all.length === 0 ? null : found.length === 0 ? (
        <Empty>{text.catalog.empty}</Empty>
      ) : search.view === 'table' ? (
        <EntryTable entries={found} organization={organization} />
      ) : (
        <CardGrid entries={found} organization={organization} />
      )}
      {!isWaiting && names.length > 0 && (all.length === 0 || (found.length === 0 && isNarrowed)) ? (
        <ByName upstreams={chosen} organization={organization} />
      ) : null}
    </Page>
  )
}

/** The shape of what comes. */
function Cards() {
  const { text } = useSpeech()
  return (
    <div className="cards-to-come" role="status" aria-busy="true" aria-label={text.common.loading}>
      {['one', 'two', 'three', 'four', 'five', 'six'].map((key) => (
        <Skeleton key={key} height={156} radius="md" />
      ))}
    </div>
  )
}
