/** Tokens that belong to the organization. */
import { Button, Code, Group, Stack, Table, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { CheckIcon, CircleSlashIcon, ClockIcon } from '@primer/octicons-react'
import type { OrganizationToken } from '../../api/organization-tokens.ts'
import { useChange } from '../api/client.ts'
import { useOrganizationTokens } from '../api/organization-tokens.ts'
import { organizationPath } from '../api/paths.ts'
import { request } from '../api/request.ts'
import { Confirm } from '../shell/dialog.tsx'
import { LongTable } from '../shell/long-table.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { Status } from '../shell/status.tsx'
import { Teach } from '../shell/teach.tsx'
import { useSpeech } from '../text/language.tsx'
import { CreateTokenDialog } from './create-token-dialog.tsx'

export function TokensSection(o: { readonly organization: string; readonly isOwner: boolean }) {
  const { text } = useSpeech()
  return o.isOwner ? <Tokens organization={o.organization} /> : <MayNot>{text.organizationTokens.mayNot}</MayNot>
}

function Tokens({ organization }: { readonly organization: string }) {
  const { text } = useSpeech()
  const tokens = useOrganizationTokens(organization)
  const [isOpen, dialog] = useDisclosure()
  const { columns } = text.organizationTokens
  return (
    <Stack>
      <Group justify="space-between" align="flex-start">
        <Text c="dimmed" size="sm" maw={640}>
          {text.organizationTokens.lead}
        </Text>
        <Button onClick={dialog.open}>{text.organizationTokens.create}</Button>
      </Group>
      {tokens.isError ? (
        <Failure error={tokens.error} retry={() => void tokens.refetch()} />
      ) : tokens.data === undefined ? (
        <Rows count={3} />
      ) : tokens.data.length === 0 ? (
        <Teach command={`kagami token create --org ${organization} --label ci --allow pull --repositories '*'`}>
          {text.organizationTokens.empty}
        </Teach>
      ) : (
        <LongTable
          items={tokens.data}
          keyOf={({ id }) => id}
          head={
            <>
              <Table.Th>{columns.label}</Table.Th>
              <Table.Th>{columns.state}</Table.Th>
              <Table.Th>{columns.allow}</Table.Th>
              <Table.Th>{columns.on}</Table.Th>
              <Table.Th ta="right">{columns.ends}</Table.Th>
              <Table.Th ta="right">{columns.used}</Table.Th>
              <Table.Th />
            </>
          }
          row={(token) => <TokenCells organization={organization} token={token} />}
        />
      )}
      {isOpen ? <CreateTokenDialog organization={organization} onClose={dialog.close} /> : null}
    </Stack>
  )
}

const SHOWN_REPOSITORIES = 3

function TokenCells({ organization, token }: { readonly organization: string; readonly token: OrganizationToken }) {
  const { text } = useSpeech()
  const { id, label, allow, repositories, expiresAt, active, createdBy, lastUsedAt } = token
  const path = organizationPath(organization, `/tokens/${id}`)
  const turn = useChange(() => request('PATCH', path, { body: { active: !active } }))
  const revoke = useChange(() => request('DELETE', path))
  const [isOpen, dialog] = useDisclosure()
  const isOver = expiresAt !== null && Date.parse(expiresAt) <= Date.now()
  const [tone, icon, word] = isOver
    ? (['quiet', ClockIcon, text.organizationTokens.expired] as const)
    : active
      ? (['good', CheckIcon, text.organizationTokens.active] as const)
      : (['held', CircleSlashIcon, text.organizationTokens.inactive] as const)
  const turnWord = active ? text.organizationTokens.off : text.organizationTokens.on
  const more = repositories.length - SHOWN_REPOSITORIES
  return (
    <>
      <Table.Td>
        <Text size="sm" fw={500}>
          {label}
        </Text>
        <Text size="xs" c="dimmed">
          {text.organizationTokens.by(createdBy.replace(/^user:/, ''))}
        </Text>
      </Table.Td>
      <Table.Td>
        <Status tone={tone} icon={icon}>
          {word}
        </Status>
      </Table.Td>
      <Table.Td>{allow.map((right) => text.organizationTokens.short[right]).join(', ')}</Table.Td>
      <Table.Td>
        <Group gap={4} title={repositories.join('\n')}>
          {repositories.slice(0, SHOWN_REPOSITORIES).map((one) => (
            <Code key={one}>{one}</Code>
          ))}
          {more > 0 ? <Text size="xs">{text.tags.more(more)}</Text> : null}
        </Group>
      </Table.Td>
      <Table.Td ta="right">{expiresAt === null ? text.common.never : <Time at={expiresAt} />}</Table.Td>
      <Table.Td ta="right">{lastUsedAt === null ? text.common.never : <Time at={lastUsedAt} />}</Table.Td>
      <Table.Td>
        <Group gap={6} justify="flex-end" wrap="nowrap">
          {isOver ? null : (
            <Button
              size="compact-xs"
              variant="default"
              loading={turn.isPending}
              onClick={() => turn.mutate(undefined)}
              aria-label={`${turnWord}: ${label}`}
            >
              {turnWord}
            </Button>
          )}
          <Button
            size="compact-xs"
            variant="default"
            onClick={dialog.open}
            aria-label={`${text.organizationTokens.revoke}: ${label}`}
          >
            {text.organizationTokens.revoke}
          </Button>
        </Group>
        {turn.isError ? <Failure error={turn.error} /> : null}
        {isOpen ? (
          <Confirm
            title={text.organizationTokens.revokeTitle(label)}
            action={text.organizationTokens.revoke}
            change={revoke}
            onClose={dialog.close}
          >
            {text.organizationTokens.revokeLead}
          </Confirm>
        ) : null}
      </Table.Td>
    </>
  )
}
