/** Adds a provider of identity, or changes one. */
import { Checkbox, PasswordInput, Select, SimpleGrid, Stack, Textarea, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { IdentityProvider } from '../../api/identities.ts'
import { useChange } from '../api/client.ts'
import { identityPath } from '../api/identities.ts'
import { organizationPath } from '../api/paths.ts'
import { request } from '../api/request.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { givenText, linesOf, textOf } from './form-text.ts'

export function ProviderDialog(o: {
  /** Null: of the instance. */
  readonly organization: string | null
  /** Undefined: a new one. */
  readonly provider?: IdentityProvider
  readonly onClose: () => void
}) {
  const { text } = useSpeech()
  const tell = useTell()
  const { provider } = o
  const [role, setRole] = useState<string>(provider?.role ?? 'member')
  const save = useChange(
    (body: Record<string, unknown>) =>
      provider === undefined
        ? request('POST', o.organization === null ? '/identities' : organizationPath(o.organization, '/identities'), {
            body: { kind: 'provider', ...body },
          })
        : request('PATCH', identityPath(o.organization, provider.name), { body }),
    () => {
      tell(text.identity.saved)
      o.onClose()
    },
  )
  const [badLine, setBadLine] = useState<string>()
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget)
    const lines = linesOf(form, 'groups')
    const bad = lines.find((line) => !/^.+=[^=]+$/.test(line))
    setBadLine(bad)
    if (bad !== undefined) return
    const groups = lines.map((line) => {
      const at = line.lastIndexOf('=')
      return { group: line.slice(0, at).trim(), team: line.slice(at + 1).trim() }
    })
    save.mutate({
      ...(provider === undefined ? { name: textOf(form, 'name'), issuer: textOf(form, 'issuer') } : {}),
      clientId: textOf(form, 'clientId'),
      clientSecret: givenText(form, 'clientSecret'),
      ...(o.organization === null
        ? { trustEmail: form.get('trustEmail') !== null }
        : { role, only: form.get('only') !== null, groupsClaim: givenText(form, 'groupsClaim'), groups }),
    })
  }
  return (
    <Dialog
      title={provider === undefined ? text.identity.addProvider : text.identity.editTitle(provider.name)}
      size="lg"
      onClose={o.onClose}
    >
      <form onSubmit={submit}>
        <Stack>
          {provider === undefined ? (
            <>
              <TextInput name="name" label={text.identity.name} required autoComplete="off" data-autofocus />
              <TextInput
                name="issuer"
                label={text.identity.issuer}
                description={text.identity.issuerHelp}
                required
                autoComplete="off"
                spellCheck={false}
              />
            </>
          ) : null}
          <SimpleGrid cols={{ base: 1, xs: 2 }} verticalSpacing="md">
            <TextInput
              name="clientId"
              label={text.identity.clientId}
              defaultValue={provider?.clientId ?? ''}
              required
              autoComplete="off"
            />
            <PasswordInput
              name="clientSecret"
              inputWrapperOrder={['label', 'input', 'description', 'error']}
              label={text.identity.clientSecret}
              description={provider?.hasClientSecret ? text.identity.clientSecretStays : text.identity.clientSecretHelp}
              autoComplete="new-password"
            />
          </SimpleGrid>
          {o.organization === null ? (
            <Checkbox
              name="trustEmail"
              label={text.identity.trustEmail}
              description={text.identity.trustEmailHelp}
              defaultChecked={provider?.trustEmail ?? false}
            />
          ) : (
            <OfOrganization provider={provider} role={role} onRole={setRole} badLine={badLine} />
          )}
          {save.isError ? <Failure error={save.error} /> : null}
          <DialogButtons
            action={provider === undefined ? text.identity.add : text.identity.save}
            isPending={save.isPending}
            onCancel={o.onClose}
          />
        </Stack>
      </form>
    </Dialog>
  )
}

/** What people become who come by it. */
function OfOrganization(o: {
  readonly provider: IdentityProvider | undefined
  readonly role: string
  readonly onRole: (role: string) => void
  readonly badLine: string | undefined
}) {
  const { text } = useSpeech()
  return (
    <>
      <SimpleGrid cols={{ base: 1, xs: 2 }} verticalSpacing="md">
        <Select
          label={text.identity.role}
          data={Object.entries(text.people.roles).map(([value, label]) => ({ value, label }))}
          value={o.role}
          onChange={(chosen) => o.onRole(chosen ?? 'member')}
          allowDeselect={false}
        />
        <TextInput
          name="groupsClaim"
          label={text.identity.groupsClaim}
          defaultValue={o.provider?.groupsClaim ?? 'groups'}
          autoComplete="off"
        />
      </SimpleGrid>
      <Textarea
        name="groups"
        label={text.identity.groups}
        description={text.identity.groupsHelp}
        defaultValue={(o.provider?.groups ?? []).map(({ group, team }) => `${group}=${team}`).join('\n')}
        {...(o.badLine === undefined ? {} : { error: text.identity.badGroup(o.badLine) })}
        autosize
        minRows={1}
        maxRows={8}
        spellCheck={false}
      />
      <Checkbox
        name="only"
        label={text.identity.only}
        description={text.identity.onlyHelp}
        defaultChecked={o.provider?.only ?? false}
      />
    </>
  )
}
