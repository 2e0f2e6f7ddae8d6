/** Who did what to a repository, newest first. */
import { Button, Group, Select, Stack, Table, Text, TextInput } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { useState } from 'react'
import type { AuditEntry } from '../../api/audit.ts'
import { useActivity } from '../api/repositories.ts'
import { AuditDetails } from '../organization/audit-details.tsx'
import { More } from '../shell/more.tsx'
import { Empty, Failure, Rows, Time } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'
import { ActivityLine } from './activity-line.tsx'
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
  const [lookedAt, setLookedAt] = useState<AuditEntry>()
  return (
    <>
      <Table.ScrollContainer minWidth={560}>
        <Table verticalSpacing={6} aria-label={text.repositories.tabs.activity}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{columns.at}</Table.Th>
              <Table.Th>{columns.who}</Table.Th>
              <Table.Th>{columns.action}</Table.Th>
              <Table.Th />
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
                <Table.Td style={{ overflowWrap: 'anywhere' }}>
                  <ActivityLine name={name} entry={entry} />
                </Table.Td>
                <Table.Td ta="right">
                  <Button
                    size="compact-xs"
                    variant="subtle"
                    aria-label={`${text.activity.details}: ${entry.action}`}
                    onClick={() => setLookedAt(entry)}
                  >
                    {text.activity.details}
                  </Button>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {lookedAt === undefined ? null : <AuditDetails entry={lookedAt} onClose={() => setLookedAt(undefined)} />}
    </>
  )
}
