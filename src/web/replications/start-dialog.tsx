/** Sends a repository on to a target. */
import { Select, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useChange } from '../api/client.ts'
import { startReplication, useTargets } from '../api/replications.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Command, Failure, Rows } from '../shell/parts.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

export function StartDialog(o: { readonly repository: string; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const slash = o.repository.indexOf('/')
  const targets = useTargets(o.repository.slice(0, slash))
  const names = targets.data?.map(({ name }) => name)
  return (
    <Dialog title={text.replications.startTitle(o.repository)} onClose={o.onClose}>
      {targets.isError ? (
        <Failure error={targets.error} />
      ) : names === undefined ? (
        <Rows count={3} />
      ) : names.length === 0 ? (
        <Stack>
          <Text size="sm">{text.replications.noTargets}</Text>
          <Command line="kagami target add NAME URL --username USER --password-stdin" />
        </Stack>
      ) : (
        <Form {...o} names={names} suggested={o.repository.slice(slash + 1)} />
      )}
    </Dialog>
  )
}

function Form(o: {
  readonly repository: string
  readonly names: readonly string[]
  readonly suggested: string
  readonly onClose: () => void
}) {
  const { text } = useSpeech()
  const tell = useTell()
  const [target, setTarget] = useState(o.names[0] ?? '')
  const [there, setThere] = useState(o.suggested)
  const start = useChange(
    () => startReplication(o.repository, { target, repository: there }),
    () => {
      tell(text.replications.started)
      o.onClose()
    },
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    start.mutate(undefined)
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text size="sm">{text.replications.startLead}</Text>
        <Select
          label={text.replications.target}
          description={text.replications.targetHelp}
          data={[...o.names]}
          value={target}
          onChange={(chosen) => chosen !== null && setTarget(chosen)}
          allowDeselect={false}
        />
        <TextInput
          label={text.replications.there}
          value={there}
          onChange={(event) => setThere(event.currentTarget.value)}
          required
          data-autofocus
        />
        {start.isError ? <Failure error={start.error} /> : null}
        <DialogButtons action={text.replications.start} isPending={start.isPending} onCancel={o.onClose} />
      </Stack>
    </form>
  )
}
