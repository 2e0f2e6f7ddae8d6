/** All organizations of the server, and how much each may store. */
import { Button, Checkbox, Group, NumberInput, Stack, Table, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import type { Organization } from '../../api/organizations.ts'
import { useChange } from '../api/client.ts'
import { useOrganizations } from '../api/organizations.ts'
import { organizationPath } from '../api/paths.ts'
import { ApiError, request } from '../api/request.ts'
import { bytes, number } from '../format/sizes.ts'
import { DeleteDialog } from '../organization/delete-organization.tsx'
import { textOf } from '../organization/form-text.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { LongTable } from '../shell/long-table.tsx'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { Teach } from '../shell/teach.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

const GB = 1_000_000_000

export function OrganizationsTab() {
  const { text } = useSpeech()
  const organizations = useOrganizations()
  const [isOpen, dialog] = useDisclosure()
  const { columns } = text.operator
  return (
    <Stack>
      <Group justify="flex-end">
        <Button onClick={dialog.open}>{text.operator.createOrganization}</Button>
      </Group>
      {organizations.isError ? (
        <Failure error={organizations.error} retry={() => void organizations.refetch()} />
      ) : organizations.data === undefined ? (
        <Rows count={3} />
      ) : organizations.data.length === 0 ? (
        <Teach command="kagami organization create NAME">{text.operator.organizationHelp}</Teach>
      ) : (
        <LongTable
          items={organizations.data}
          keyOf={({ name }) => name}
          head={
            <>
              <Table.Th>{columns.name}</Table.Th>
              <Table.Th ta="right">{columns.repositories}</Table.Th>
              <Table.Th ta="right">{columns.stored}</Table.Th>
              <Table.Th ta="right">{columns.quota}</Table.Th>
              <Table.Th ta="right">{columns.made}</Table.Th>
              <Table.Th />
            </>
          }
          row={(one) => <OrganizationCells organization={one} />}
        />
      )}
      {isOpen ? <CreateDialog onClose={dialog.close} /> : null}
    </Stack>
  )
}

function OrganizationCells({ organization }: { readonly organization: Organization }) {
  const { text, language } = useSpeech()
  const { name, displayName, repositories, sizeBytes, quotaBytes, createdAt } = organization
  const [isOpen, dialog] = useDisclosure()
  const [isEnding, deletion] = useDisclosure()
  return (
    <>
      <Table.Td>
        <Link to="/o/$organization" params={{ organization: name }} className="name">
          {name}
        </Link>
        {displayName === '' ? null : (
          <Text size="xs" c="dimmed">
            {displayName}
          </Text>
        )}
      </Table.Td>
      <Table.Td ta="right">{number(repositories, language)}</Table.Td>
      <Table.Td ta="right">{sizeBytes === null ? null : bytes(sizeBytes, language)}</Table.Td>
      <Table.Td ta="right">{quotaBytes === null ? text.operator.noQuota : bytes(quotaBytes, language)}</Table.Td>
      <Table.Td ta="right">
        <Time at={createdAt} />
      </Table.Td>
      <Table.Td ta="right">
        <Button
          size="compact-xs"
          variant="default"
          onClick={dialog.open}
          aria-label={`${text.operator.changeQuota}: ${name}`}
        >
          {text.operator.changeQuota}
        </Button>
        <Button
          size="compact-xs"
          variant="default"
          c="red"
          ml={6}
          onClick={deletion.open}
          aria-label={`${text.operator.deleteOrganization}: ${name}`}
        >
          {text.operator.deleteOrganization}
        </Button>
        {isOpen ? <QuotaDialog organization={organization} onClose={dialog.close} /> : null}
        {isEnding ? <DeleteDialog name={name} onClose={deletion.close} /> : null}
      </Table.Td>
    </>
  )
}

function QuotaInput(o: { readonly value: string | number; readonly onChange: (value: string | number) => void }) {
  const { text } = useSpeech()
  return (
    <NumberInput
      label={text.operator.quota}
      description={text.operator.quotaHelp}
      value={o.value}
      onChange={o.onChange}
      min={0}
      max={1_000_000}
      clampBehavior="strict"
    />
  )
}

function quotaOf(value: string | number): number | null {
  return value === '' ? null : Math.round(Number(value) * GB)
}

function QuotaDialog({ organization, onClose }: { readonly organization: Organization; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const tell = useTell()
  const { name, quotaBytes } = organization
  const [value, setValue] = useState<string | number>(quotaBytes === null ? '' : quotaBytes / GB)
  const change = useChange(
    () => request('PATCH', organizationPath(name), { body: { quotaBytes: quotaOf(value) } }),
    () => {
      tell(text.operator.changed)
      onClose()
    },
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    change.mutate(undefined)
  }
  return (
    <Dialog title={text.operator.quotaOf(name)} onClose={onClose}>
      <form onSubmit={submit}>
        <Stack ta="left">
          <Text size="sm" c="dimmed">
            {text.organization.quotaHelp}
          </Text>
          <QuotaInput value={value} onChange={setValue} />
          {change.isError ? <Failure error={change.error} /> : null}
          <DialogButtons action={text.operator.save} isPending={change.isPending} onCancel={onClose} />
        </Stack>
      </form>
    </Dialog>
  )
}

/** The name was that of an organization that is gone. */
function isOfDeleted(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false
  return typeof error.detail === 'object' && error.detail !== null && 'deletedAt' in error.detail
}

function CreateDialog({ onClose }: { readonly onClose: () => void }) {
  const { text } = useSpeech()
  const [quota, setQuota] = useState<string | number>('')
  const [isReused, setReused] = useState(false)
  const create = useChange(
    (name: string) =>
      request('POST', '/organizations', { body: { name, quotaBytes: quotaOf(quota), reuseName: isReused } }),
    () => onClose(),
  )
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    create.mutate(textOf(new FormData(event.currentTarget), 'name'))
  }
  return (
    <Dialog title={text.operator.createOrganization} onClose={onClose}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            name="name"
            label={text.operator.organization}
            description={text.operator.organizationHelp}
            required
            autoComplete="off"
            data-autofocus
          />
          <QuotaInput value={quota} onChange={setQuota} />
          {create.isError ? <Failure error={create.error} /> : null}
          {isReused || isOfDeleted(create.error) ? (
            <Checkbox
              checked={isReused}
              onChange={(event) => setReused(event.currentTarget.checked)}
              label={text.operator.reuseName}
              description={text.operator.reuseNameHelp}
            />
          ) : null}
          <DialogButtons action={text.operator.create} isPending={create.isPending} onCancel={onClose} />
        </Stack>
      </form>
    </Dialog>
  )
}
