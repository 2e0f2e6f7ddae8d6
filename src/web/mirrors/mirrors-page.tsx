/** All mirrors of the organization, and how they are. */
import { Button, Group, Select, Table, Text, TextInput } from '@mantine/core'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useMirrors } from '../api/mirrors.ts'
import { number } from '../format/sizes.ts'
import { LongTable } from '../shell/long-table.tsx'
import { Empty, Failure, Page, Rows, Time } from '../shell/parts.tsx'
import { RepositoryLink } from '../shell/repository-link.tsx'
import { SortHead } from '../shell/sort-head.tsx'
import { State } from '../shell/status.tsx'
import { Teach } from '../shell/teach.tsx'
import { useSpeech } from '../text/language.tsx'
import { foundMirrors, type MirrorSort, type MirrorsSearch } from './mirrors-search.ts'
import { standingOf, whyOf } from './why.tsx'

const ROUTE = '/within/o/$organization/mirrors'

export function MirrorsPage() {
  const { text, language } = useSpeech()
  const { organization } = useParams({ from: ROUTE })
  const search: MirrorsSearch = useSearch({ from: ROUTE })
  const navigate = useNavigate({ from: '/o/$organization/mirrors' })
  const mirrors = useMirrors(organization)
  const all = mirrors.data?.items
  const found = all === undefined ? undefined : foundMirrors(all, search)
  const { columns } = text.mirrors
  const change = (to: { readonly [K in keyof MirrorsSearch]?: MirrorsSearch[K] | undefined }) => {
    const merged = Object.entries({ ...search, ...to }).filter(([, value]) => value !== undefined && value !== '')
    void navigate({ search: Object.fromEntries(merged), replace: true, resetScroll: false })
  }
  const sort = search.sort ?? 'repository'
  const head = (by: MirrorSort, o: { readonly isNumber?: boolean; readonly isMinor?: boolean } = {}) => (
    <SortHead
      label={columns[by]}
      {...o}
      isDown={sort === by ? false : sort === `-${by}` ? true : undefined}
      onSort={() => change({ sort: sort === by ? `-${by}` : by })}
    />
  )
  return (
    <Page title={text.mirrors.title} lead={text.mirrors.lead}>
      {all?.length === 0 ? null : (
        <Group gap="xs">
          <TextInput
            type="search"
            aria-label={text.common.search}
            placeholder={text.common.search}
            value={search.q ?? ''}
            onChange={({ currentTarget: { value } }) => change({ q: value })}
            w={{ base: '100%', xs: 280 }}
          />
          <Select
            aria-label={columns.state}
            data={[
              { value: '', label: text.mirrors.everyState },
              ...Object.entries(text.states).map(([value, label]) => ({ value, label })),
            ]}
            value={search.state ?? ''}
            onChange={(chosen) => change({ state: (chosen || undefined) as MirrorsSearch['state'] })}
            allowDeselect={false}
            w={{ base: '100%', xs: 200 }}
          />
        </Group>
      )}
      {mirrors.isError ? (
        <Failure error={mirrors.error} retry={() => void mirrors.refetch()} />
      ) : found === undefined ? (
        <Rows />
      ) : all?.length === 0 ? (
        <>
          <Teach>{text.mirrors.empty}</Teach>
          <Group justify="center">
            <Button renderRoot={(props) => <Link {...props} to="/o/$organization/catalog" params={{ organization }} />}>
              {text.mirrors.openCatalog}
            </Button>
          </Group>
        </>
      ) : found.length === 0 ? (
        <Empty>{text.catalog.empty}</Empty>
      ) : (
        <LongTable
          items={found}
          keyOf={(one) => one.id}
          phonePx={300}
          head={
            <>
              {head('repository')}
              {head('source', { isMinor: true })}
              {head('state')}
              {head('tags', { isNumber: true, isMinor: true })}
              {head('freshness', { isNumber: true })}
            </>
          }
          row={(one) => {
            const why = whyOf(standingOf(one), text, language)
            return (
              <>
                <Table.Td>
                  <RepositoryLink name={one.repository} tab="mirror" isShort />
                </Table.Td>
                <Table.Td visibleFrom="sm">{`${one.source.upstream}/${one.source.repository}`}</Table.Td>
                <Table.Td>
                  <State state={one.state} />
                  {why === undefined ? null : (
                    <Text size="xs" c="dimmed" lineClamp={1} maw={280} title={why}>
                      {why}
                    </Text>
                  )}
                </Table.Td>
                <Table.Td visibleFrom="sm" ta="right">
                  {`${number(one.tags.published, language)} / ${number(one.tags.total, language)}`}
                </Table.Td>
                <Table.Td ta="right">
                  {one.freshness.checkedAt === null ? text.common.never : <Time at={one.freshness.checkedAt} />}
                </Table.Td>
              </>
            )
          }}
        />
      )}
    </Page>
  )
}
