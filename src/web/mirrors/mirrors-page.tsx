/** All mirrors of the organization, and how they are. */
import { Table, Text } from '@mantine/core'
import { useParams } from '@tanstack/react-router'
import { useMirrors } from '../api/mirrors.ts'
import { number } from '../format/sizes.ts'
import { LongTable } from '../shell/long-table.tsx'
import { Empty, Failure, Page, Rows, Time } from '../shell/parts.tsx'
import { RepositoryLink } from '../shell/repository-link.tsx'
import { State } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'

export function MirrorsPage() {
  const { text, language } = useSpeech()
  const { organization } = useParams({ from: '/within/o/$organization/mirrors' })
  const mirrors = useMirrors(organization)
  const all = mirrors.data?.items
  const { columns } = text.mirrors
  return (
    <Page title={text.mirrors.title} lead={text.mirrors.lead}>
      {mirrors.isError ? (
        <Failure error={mirrors.error} retry={() => void mirrors.refetch()} />
      ) : all === undefined ? (
        <Rows />
      ) : all.length === 0 ? (
        <Empty>{text.mirrors.empty}</Empty>
      ) : (
        <LongTable
          items={all}
          keyOf={(one) => one.id}
          phonePx={300}
          head={
            <>
              <Table.Th>{columns.repository}</Table.Th>
              <Table.Th visibleFrom="sm">{columns.source}</Table.Th>
              <Table.Th>{columns.state}</Table.Th>
              <Table.Th visibleFrom="sm" ta="right">
                {columns.tags}
              </Table.Th>
              <Table.Th ta="right">{columns.freshness}</Table.Th>
            </>
          }
          row={(one) => (
            <>
              <Table.Td>
                <RepositoryLink name={one.repository} tab="mirror" isShort />
              </Table.Td>
              <Table.Td visibleFrom="sm">{`${one.source.upstream}/${one.source.repository}`}</Table.Td>
              <Table.Td>
                <State state={one.state} />
                {one.reason === null ? null : (
                  <Text size="xs" c="dimmed" lineClamp={1} maw={280}>
                    {one.reason}
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
          )}
        />
      )}
    </Page>
  )
}
