/** All repositories of the organization that one sees. */
import { Button, Group, Table, Text, TextInput } from '@mantine/core'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useRepositories } from '../api/repositories.ts'
import { bytes, number } from '../format/sizes.ts'
import { LongTable } from '../shell/long-table.tsx'
import { Empty, Failure, Page, Rows, Time } from '../shell/parts.tsx'
import { RepositoryLink } from '../shell/repository-link.tsx'
import { SortHead } from '../shell/sort-head.tsx'
import { Teach } from '../shell/teach.tsx'
import { useSpeech } from '../text/language.tsx'
import { foundRepositories, type RepositoriesSearch, type RepositorySort } from './repositories-search.ts'

const ROUTE = '/within/o/$organization/repositories'

export function RepositoriesPage() {
  const { text, language } = useSpeech()
  const { organization } = useParams({ from: ROUTE })
  const search: RepositoriesSearch = useSearch({ from: ROUTE })
  const navigate = useNavigate({ from: '/o/$organization/repositories' })
  const repositories = useRepositories(organization)
  const all = repositories.data?.items
  const found = all === undefined ? undefined : foundRepositories(all, search)
  const { columns } = text.repositories
  const change = (to: RepositoriesSearch) => {
    const merged = Object.entries({ ...search, ...to }).filter(([, value]) => value !== '')
    void navigate({ search: Object.fromEntries(merged), replace: true, resetScroll: false })
  }
  const sort = search.sort ?? 'name'
  const head = (by: RepositorySort, o: { readonly isNumber?: boolean; readonly isMinor?: boolean } = {}) => (
    <SortHead
      label={columns[by]}
      {...o}
      isDown={sort === by ? false : sort === `-${by}` ? true : undefined}
      onSort={() => change({ sort: sort === by ? `-${by}` : by })}
    />
  )
  return (
    <Page title={text.repositories.title} lead={text.repositories.lead}>
      <TextInput
        type="search"
        aria-label={text.common.search}
        placeholder={text.common.search}
        value={search.q ?? ''}
        onChange={(event) => change({ q: event.currentTarget.value })}
        maw={360}
      />
      {repositories.isError ? (
        <Failure error={repositories.error} retry={() => void repositories.refetch()} />
      ) : found === undefined ? (
        <Rows />
      ) : found.length === 0 ? (
        all?.length === 0 ? (
          <NoRepositories organization={organization} />
        ) : (
          <Empty>{text.catalog.empty}</Empty>
        )
      ) : (
        <LongTable
          items={found}
          keyOf={({ name }) => name}
          phonePx={300}
          head={
            <>
              {head('name')}
              {head('visibility')}
              {head('tags', { isNumber: true, isMinor: true })}
              {head('size', { isNumber: true })}
              {head('updated', { isNumber: true, isMinor: true })}
            </>
          }
          row={(one) => (
            <>
              <Table.Td>
                <RepositoryLink name={one.name} isShort />
              </Table.Td>
              <Table.Td>
                <Text size="sm" c={one.visibility === 'public' ? 'orange' : 'dimmed'}>
                  {text.repositories[one.visibility]}
                </Text>
              </Table.Td>
              <Table.Td visibleFrom="sm" ta="right">
                {number(one.tags, language)}
              </Table.Td>
              <Table.Td ta="right">{bytes(one.sizeBytes, language)}</Table.Td>
              <Table.Td visibleFrom="sm" ta="right">
                <Time at={one.updatedAt} />
              </Table.Td>
            </>
          )}
        />
      )}
    </Page>
  )
}

function NoRepositories({ organization }: { readonly organization: string }) {
  const { text } = useSpeech()
  return (
    <>
      <Teach>{text.repositories.empty}</Teach>
      <Group justify="center">
        <Button renderRoot={(props) => <Link {...props} to="/o/$organization/catalog" params={{ organization }} />}>
          {text.mirrors.openCatalog}
        </Button>
      </Group>
    </>
  )
}
