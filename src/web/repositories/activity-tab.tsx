/** Who did what to a repository, newest first. */
import { Group, Select, Stack, Table, Text, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { useState } from 'react'
import type { AuditEntry } from '../../api/audit.ts'
import { useActivity } from '../api/repositories.ts'
import { withShortDigests } from '../format/sizes.ts'
import { More } from '../shell/more.tsx'
import { Empty, Failure, Rows, Time } from '../shell/parts.tsx'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { Status } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'
import { useRepositorySearch } from './use-repository-search.ts'

const TYPING_MS = 400
const KINDS = ['repository.*', 'tag.*', 'mirror.*', 'webhook.*', 'team.*'] as const

export function ActivityTab({ name }: { readonly name: string }) {
  const { text } = useSpeech()
  const [{ action, actor }, change] = useRepositorySearch()
  const [typed, setTyped] = useState(actor ?? '')
  const settle = useDebouncedCallback((to: string) => change({ actor: to }, { isSmall: true }), TYPING_MS)
  const activity = useActivity(name, {
    ...(action === undefined ? {} : { action }),
    ...(actor === undefined ? {} : { actor }),
  })
  const entries = activity.data?.pages.flatMap((page) => page.entries)
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {text.activity.lead}
      </Text>
      <Group gap="xs" align="flex-end">
        <Select
          label={text.activity.kind}
          data={[
            { value: '', label: text.activity.everything },
            ...KINDS.map((value) => ({ value, label: text.activity.kinds[value] })),
          ]}
          value={action ?? ''}
          onChange={(chosen) => change({ action: chosen ?? '' }, { isSmall: true })}
          allowDeselect={false}
          w={200}
        />
        <TextInput
          label={text.activity.person}
          value={typed}
          onChange={(event) => {
            setTyped(event.currentTarget.value)
            settle(event.currentTarget.value.trim())
          }}
          w={200}
        />
      </Group>
      {activity.isError ? (
        <Failure error={activity.error} retry={() => void activity.refetch()} />
      ) : entries === undefined ? (
        <Rows />
      ) : entries.length === 0 ? (
        <Empty>{text.activity.empty}</Empty>
      ) : (
        <Entries name={name} entries={entries} />
      )}
      <More query={activity} />
    </Stack>
  )
}

function Entries({ name, entries }: { readonly name: string; readonly entries: readonly AuditEntry[] }) {
  const { text } = useSpeech()
  const { columns } = text.activity
  return (
    <Table.ScrollContainer minWidth={680}>
      <Table verticalSpacing={6} aria-label={text.repositories.tabs.activity}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{columns.at}</Table.Th>
            <Table.Th>{columns.who}</Table.Th>
            <Table.Th>{columns.action}</Table.Th>
            <Table.Th>{columns.object}</Table.Th>
            <Table.Th>{columns.change}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {entries.map((entry) => (
            <Table.Tr key={entry.seq}>
              <Table.Td style={{ whiteSpace: 'nowrap' }}>
                <Time at={entry.at} />
              </Table.Td>
              <Table.Td style={{ whiteSpace: 'nowrap' }}>
                {entry.actor.replace(/^user:/, '')}
                {entry.token === null ? '' : ` (${entry.token})`}
              </Table.Td>
              <Table.Td>
                <Group gap="xs">
                  {entry.action}
                  {entry.outcome === 'refused' ? <Status tone="broken">{text.activity.refused}</Status> : null}
                </Group>
              </Table.Td>
              <Table.Td style={{ overflowWrap: 'anywhere' }}>{objectText(entry.object, name)}</Table.Td>
              <Table.Td style={{ overflowWrap: 'anywhere' }}>{changeText(entry)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

/** What of the repository it was: the whole name says nothing here. */
function objectText(object: string, name: string): string {
  if (object === name) return repositoryPlace(name)._splat
  const text = withShortDigests(object)
  if (text.startsWith(`webhook:${name}/`)) return text.slice(`webhook:${name}/`.length)
  return text.startsWith(`${name}:`) || text.startsWith(`${name}@`) ? text.slice(name.length + 1) : text
}

const MAX_CHANGE = 160

/** What is another than before, in a line of bounded length. */
function changeText({ outcome, before, after }: AuditEntry): string {
  if (outcome === 'refused') return String(after?.code ?? '')
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])]
  const shown = (value: unknown) => (value === undefined || value === null ? '–' : JSON.stringify(value))
  const changes = names.flatMap((name) => {
    const [was, is] = [shown(before?.[name]), shown(after?.[name])]
    if (was === is) return []
    return [before === null ? `${name} ${is}` : `${name} ${was} → ${is}`]
  })
  const line = withShortDigests(changes.join(', '))
  return line.length > MAX_CHANGE ? `${line.slice(0, MAX_CHANGE - 1)}…` : line
}
