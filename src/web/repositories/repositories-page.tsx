/** All repositories of the organization that one sees. */
import { Table, Text, TextInput } from '@mantine/core'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { useRepositories } from '../api/repositories.ts'
import { bytes, number } from '../format/sizes.ts'
import { LongTable } from '../shell/long-table.tsx'
import { Empty, Failure, Page, Rows, Time } from '../shell/parts.tsx'
import { RepositoryLink } from '../shell/repository-link.tsx'
import { useSpeech } from '../text/language.tsx'

export function RepositoriesPage() {
  const { text, language } = useSpeech()
  const { organization } = useParams({ from: '/within/o/$organization/repositories' })
  const repositories = useRepositories(organization)
  const [wanted, setWanted] = useState('')
  const found = repositories.data?.items.filter(({ name }) => name.includes(wanted.toLowerCase()))
  const { columns } = text.repositories
  return (
    <Page title={text.repositories.title} lead={text.repositories.lead}>
      <TextInput
        type="search"
        aria-label={text.common.search}
        placeholder={text.common.search}
        value={wanted}
        onChange={(event) => setWanted(event.currentTarget.value)}
        maw={360}
      />
      {repositories.isError ? (
        <Failure error={repositories.error} retry={() => void repositories.refetch()} />
      ) : found === undefined ? (
        <Rows />
      ) : found.length === 0 ? (
        <Empty>{wanted === '' ? text.repositories.empty : text.catalog.empty}</Empty>
      ) : (
        <LongTable
          items={found}
          keyOf={({ name }) => name}
          phonePx={300}
          head={
            <>
              <Table.Th>{columns.name}</Table.Th>
              <Table.Th>{columns.visibility}</Table.Th>
              <Table.Th visibleFrom="sm" ta="right">
                {columns.tags}
              </Table.Th>
              <Table.Th ta="right">{columns.size}</Table.Th>
              <Table.Th visibleFrom="sm" ta="right">
                {columns.updated}
              </Table.Th>
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
