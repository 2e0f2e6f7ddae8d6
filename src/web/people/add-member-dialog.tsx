/** Makes somebody a member at once, who has an account here. */
import { Select, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useChange } from '../api/client.ts'
import { organizationPath } from '../api/paths.ts'
import { request } from '../api/request.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'

export function AddMemberDialog(o: { readonly organization: string; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const [role, setRole] = useState('member')
  const add = useChange(
    (name: string) =>
      request('PUT', organizationPath(o.organization, `/members/${encodeURIComponent(name)}`), { body: { role } }),
    o.onClose,
  )
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    add.mutate(String(new FormData(event.currentTarget).get('name') ?? '').trim())
  }
  return (
    <Dialog title={text.people.addTitle} onClose={o.onClose}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            name="name"
            label={text.people.columns.name}
            description={text.people.addHelp}
            required
            autoComplete="off"
            data-autofocus
          />
          <Select
            label={text.people.columns.role}
            data={Object.entries(text.people.roles).map(([value, label]) => ({ value, label }))}
            value={role}
            onChange={(chosen) => setRole(chosen ?? 'member')}
            allowDeselect={false}
          />
          {add.isError ? <Failure error={add.error} /> : null}
          <DialogButtons action={text.people.add} isPending={add.isPending} onCancel={o.onClose} />
        </Stack>
      </form>
    </Dialog>
  )
}
