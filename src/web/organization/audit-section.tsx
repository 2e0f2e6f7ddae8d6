/** Who did what: of an organization, or of the instance itself. */
import { Anchor, Button, Group, Select, Stack, Table, Text, TextInput } from '@mantine/core'
import { CheckIcon, XIcon } from '@primer/octicons-react'
import { useState } from 'react'
import type { AuditEntry } from '../../api/audit.ts'
import { type AuditFilter, auditExport, useAudit } from '../api/audit.ts'
import { aboutOf } from '../shell/audit-about.ts'
import { LongTable } from '../shell/long-table.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Empty, Failure, Rows, Time } from '../shell/parts.tsx'
import { Status } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'
import { AuditDetails } from './audit-details.tsx'
import type { AuditSearch } from './audit-search.ts'

interface Shown {
  /** Null: of the instance. */
  readonly organization: string | null
  readonly filter: AuditSearch
  readonly onFilter: (filter: AuditSearch) => void
}

export function AuditSection({ mayRead, ...shown }: Shown & { readonly mayRead: boolean }) {
  const { text } = useSpeech()
  return mayRead ? <Audit {...shown} /> : <MayNot>{text.audit.mayNot}</MayNot>
}

/** Days of one's own zone, the last of them whole. */
function asked({ since, until, ...rest }: AuditSearch): AuditFilter {
  const day = (text: string, more: number) => {
    const [year = 0, month = 1, date = 1] = text.split('-').map(Number)
    return new Date(year, month - 1, date + more).toISOString()
  }
  return {
    ...rest,
    ...(since === undefined ? {} : { since: day(since, 0) }),
    ...(until === undefined ? {} : { until: day(until, 1) }),
  }
}

function Audit({ organization, filter, onFilter }: Shown) {
  const { text } = useSpeech()
  const wanted = asked(filter)
  const entries = useAudit(organization, wanted)
  const [open, setOpen] = useState<AuditEntry>()
  const { columns } = text.audit
  const all = entries.data?.pages.flatMap((page) => page.entries)
  return (
    <Stack>
      <Group justify="space-between" align="flex-start">
        <Text c="dimmed" size="sm">
          {text.audit.lead}
        </Text>
        <Anchor href={auditExport(organization, wanted)} download="audit.jsonl" size="sm">
          {text.audit.export}
        </Anchor>
      </Group>
      <Filter filter={filter} onFilter={onFilter} />
      {entries.isError ? (
        <Failure error={entries.error} retry={() => void entries.refetch()} />
      ) : all === undefined ? (
        <Rows />
      ) : all.length === 0 ? (
        <Empty>{text.audit.empty}</Empty>
      ) : (
        <LongTable
          items={all}
          keyOf={({ seq }) => String(seq)}
          head={
            <>
              <Table.Th>{columns.at}</Table.Th>
              <Table.Th>{columns.actor}</Table.Th>
              <Table.Th>{columns.action}</Table.Th>
              <Table.Th>{columns.object}</Table.Th>
              <Table.Th>{columns.outcome}</Table.Th>
              <Table.Th />
            </>
          }
          row={(entry) => <EntryCells entry={entry} onOpen={() => setOpen(entry)} />}
        />
      )}
      {entries.hasNextPage ? (
        <Group justify="center">
          <Button variant="default" loading={entries.isFetchingNextPage} onClick={() => void entries.fetchNextPage()}>
            {text.audit.more}
          </Button>
        </Group>
      ) : null}
      {open === undefined ? null : <AuditDetails entry={open} onClose={() => setOpen(undefined)} />}
    </Stack>
  )
}

function EntryCells({ entry, onOpen }: { readonly entry: AuditEntry; readonly onOpen: () => void }) {
  const { text, said } = useSpeech()
  const { at, actor, action, object, outcome } = entry
  const about = outcome === 'done' ? aboutOf(entry, text) : undefined
  const isDone = outcome === 'done'
  return (
    <>
      <Table.Td>
        <Time at={at} />
      </Table.Td>
      <Table.Td>{actor.replace(/^user:/, '')}</Table.Td>
      <Table.Td>
        {said?.audit[action] === undefined ? null : <Text size="sm">{said.audit[action]}</Text>}
        <Text size="xs" ff="monospace" {...(said?.audit[action] === undefined ? {} : { c: 'dimmed' })}>
          {action}
        </Text>
      </Table.Td>
      <Table.Td maw={320}>
        <Text size="sm" truncate title={object}>
          {object}
        </Text>
        {about === undefined ? null : (
          <Text size="xs" c="dimmed" truncate title={about}>
            {about}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        <Status tone={isDone ? 'quiet' : 'broken'} icon={isDone ? CheckIcon : XIcon}>
          {text.audit.outcomes[outcome]}
        </Status>
      </Table.Td>
      <Table.Td ta="right">
        <Button
          size="compact-xs"
          variant="subtle"
          color="gray"
          onClick={onOpen}
          aria-label={`${text.audit.details}: ${action} ${object}`}
        >
          {text.audit.details}
        </Button>
      </Table.Td>
    </>
  )
}

/** Words go into the address once they are whole: with Enter, or on the way to the next. */
function Filter({ filter, onFilter }: Pick<Shown, 'filter' | 'onFilter'>) {
  const { text } = useSpeech()
  const set = (change: { readonly [name in keyof AuditSearch]?: string | undefined }) => {
    const next = Object.entries({ ...filter, ...change }).filter(([, value]) => value !== undefined && value !== '')
    onFilter(Object.fromEntries(next))
  }
  const word = (name: 'actor' | 'action' | 'object', label: string, help: string) => (
    <TextInput
      key={`${name}-${filter[name] ?? ''}`}
      label={label}
      placeholder={help}
      defaultValue={filter[name] ?? ''}
      onBlur={(event) => {
        if (event.currentTarget.value !== (filter[name] ?? '')) set({ [name]: event.currentTarget.value.trim() })
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') set({ [name]: event.currentTarget.value.trim() })
      }}
      flex={1}
      miw={170}
      spellCheck={false}
    />
  )
  const day = (name: 'since' | 'until', label: string) => (
    <TextInput
      type="date"
      label={label}
      value={filter[name] ?? ''}
      onChange={(event) => set({ [name]: event.currentTarget.value })}
      w={150}
    />
  )
  return (
    <Group gap="sm" align="flex-end">
      {word('actor', text.audit.actor, text.audit.actorHelp)}
      {word('action', text.audit.action, text.audit.actionHelp)}
      {word('object', text.audit.object, text.audit.objectHelp)}
      <Select
        label={text.audit.outcome}
        data={[
          { value: '', label: text.audit.any },
          ...Object.entries(text.audit.outcomes).map(([value, label]) => ({ value, label })),
        ]}
        value={filter.outcome ?? ''}
        onChange={(chosen) => set({ outcome: chosen ?? '' })}
        allowDeselect={false}
        w={120}
      />
      {day('since', text.audit.since)}
      {day('until', text.audit.until)}
    </Group>
  )
}
