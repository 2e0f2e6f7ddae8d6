/** Every tag, where it points, and what hangs on it. */
import { Badge, Group, Table, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { Tag } from '../../api/tags.ts'
import { useTags } from '../api/tags.ts'
import { bytes, number } from '../format/sizes.ts'
import { LongTable } from '../shell/long-table.tsx'
import { Digest, Empty, Failure, Rows, Time } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'

const SHOWN_PLATFORMS = 3

export function TagsTab({ name }: { readonly name: string }) {
  const { text } = useSpeech()
  const tags = useTags(name)
  const [wanted, setWanted] = useState('')
  const found = tags.data?.items.filter((tag) => tag.name.includes(wanted))
  if (tags.isError) return <Failure error={tags.error} retry={() => void tags.refetch()} />
  if (found === undefined) return <Rows />
  const { columns } = text.tags
  return (
    <>
      <TextInput
        type="search"
        aria-label={text.common.search}
        placeholder={text.common.search}
        value={wanted}
        onChange={(event) => setWanted(event.currentTarget.value)}
        maw={360}
        mb="sm"
      />
      {found.length === 0 ? (
        <Empty>{text.tags.empty}</Empty>
      ) : (
        <LongTable
          items={found}
          keyOf={(tag) => tag.name}
          head={
            <>
              <Table.Th>{columns.name}</Table.Th>
              <Table.Th>{columns.digest}</Table.Th>
              <Table.Th>{columns.platforms}</Table.Th>
              <Table.Th ta="right">{columns.attestations}</Table.Th>
              <Table.Th ta="right">{columns.size}</Table.Th>
              <Table.Th ta="right">{columns.moved}</Table.Th>
            </>
          }
          row={(tag) => <TagRow tag={tag} />}
        />
      )}
    </>
  )
}

function TagRow({ tag }: { readonly tag: Tag }) {
  const { text, language } = useSpeech()
  const more = tag.platformCount - SHOWN_PLATFORMS
  return (
    <>
      <Table.Td>
        <Group gap="xs" wrap="nowrap">
          <Text fw={500} style={{ whiteSpace: 'nowrap' }}>
            {tag.name}
          </Text>
          {tag.pinned ? (
            <Badge size="sm" color="gray" variant="light" tt="none">
              {text.tags.pinned}
            </Badge>
          ) : null}
        </Group>
      </Table.Td>
      <Table.Td>
        <Digest digest={tag.digest} />
      </Table.Td>
      <Table.Td>
        <Text size="sm" c="dimmed">
          {tag.platforms.slice(0, SHOWN_PLATFORMS).join(', ')}
          {more > 0 ? ` ${text.tags.more(more)}` : ''}
        </Text>
      </Table.Td>
      <Table.Td ta="right">{number(tag.referrers, language)}</Table.Td>
      <Table.Td ta="right">{bytes(tag.sizeBytes, language)}</Table.Td>
      <Table.Td ta="right">
        <Time at={tag.movedAt} />
      </Table.Td>
    </>
  )
}
