/** What people call an organization; its owners change it. */
import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { type FormEvent, useState } from 'react'
import type { Organization } from '../../api/organizations.ts'
import { useChange } from '../api/client.ts'
import { organizationPath } from '../api/paths.ts'
import { request } from '../api/request.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

export function DisplayName(o: { readonly organization: Organization; readonly isOwner: boolean }) {
  const { text } = useSpeech()
  const [isOpen, dialog] = useDisclosure()
  const { name, displayName } = o.organization
  return (
    <Section title={text.organization.displayName} lead={text.organization.displayNameLead(name)}>
      <Group>
        <Text size="sm" fw={500}>
          {displayName === '' ? name : displayName}
        </Text>
        {o.isOwner ? (
          <Button
            size="compact-sm"
            variant="default"
            onClick={dialog.open}
            aria-label={`${text.organization.change}: ${text.organization.displayName}`}
          >
            {text.organization.change}
          </Button>
        ) : null}
      </Group>
      {isOpen ? <NameDialog organization={o.organization} onClose={dialog.close} /> : null}
    </Section>
  )
}

function NameDialog(o: { readonly organization: Organization; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const tell = useTell()
  const { name } = o.organization
  const [displayName, setDisplayName] = useState(o.organization.displayName)
  const change = useChange(
    () => request('PATCH', organizationPath(name), { body: { displayName } }),
    () => {
      tell(text.organization.changed)
      o.onClose()
    },
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    change.mutate(undefined)
  }
  return (
    <Dialog title={text.organization.displayName} onClose={o.onClose}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            label={text.organization.displayName}
            description={text.organization.displayNameHelp(name)}
            value={displayName}
            onChange={(event) => setDisplayName(event.currentTarget.value)}
            placeholder={name}
            maxLength={80}
            autoComplete="off"
            data-autofocus
          />
          {change.isError ? <Failure error={change.error} /> : null}
          <DialogButtons action={text.organization.save} isPending={change.isPending} onCancel={o.onClose} />
        </Stack>
      </form>
    </Dialog>
  )
}
