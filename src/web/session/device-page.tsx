/** Lets a command line in that shows a code, or turns it away. */
import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useSearch } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { useChange } from '../api/client.ts'
import { useProfile } from '../api/profile.ts'
import { request } from '../api/request.ts'
import { Facts } from '../shell/facts.tsx'
import { Failure, Time } from '../shell/parts.tsx'
import { Sheet } from '../shell/sheet.tsx'
import { useSpeech } from '../text/language.tsx'

interface Device {
  readonly name: string
  readonly address: string
  readonly createdAt: string
}

export function DevicePage() {
  const { text } = useSpeech()
  const profile = useProfile()
  const search = useSearch({ from: '/device' })
  const [code, setCode] = useState(search.code ?? '')
  const look = useChange(async () => {
    const query = { userCode: code }
    return (await request<{ device: Device }>('GET', '/device', { query })).device
  })
  const decide = useChange(async (verb: 'approve' | 'deny') => {
    await request('POST', `/device/${verb}`, { body: { userCode: code } })
    return verb
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    look.mutate(undefined)
  }
  if (decide.data !== undefined) {
    return (
      <Sheet title={text.device.title}>
        <Text role="status">{decide.data === 'approve' ? text.device.approved : text.device.denied}</Text>
      </Sheet>
    )
  }
  return (
    <Sheet title={text.device.title} lead={text.device.lead}>
      {look.data === undefined ? (
        <form onSubmit={submit}>
          <Stack>
            <TextInput
              label={text.device.code}
              value={code}
              onChange={(event) => setCode(event.currentTarget.value)}
              autoCapitalize="characters"
              autoComplete="off"
              spellCheck={false}
              required
              autoFocus
            />
            {look.isError ? <Failure error={look.error} /> : null}
            <Button type="submit" loading={look.isPending}>
              {text.device.look}
            </Button>
          </Stack>
        </form>
      ) : (
        <Stack>
          <Facts
            cols={2}
            facts={[
              [text.device.name, look.data.name],
              [text.device.from, look.data.address],
              [text.device.asked, <Time key="asked" at={look.data.createdAt} />],
              [text.device.as, profile.data?.username ?? ''],
            ]}
          />
          {decide.isError ? <Failure error={decide.error} /> : null}
          <Group grow>
            <Button variant="default" onClick={() => decide.mutate('deny')}>
              {text.device.deny}
            </Button>
            <Button onClick={() => decide.mutate('approve')} loading={decide.isPending}>
              {text.device.approve}
            </Button>
          </Group>
        </Stack>
      )}
    </Sheet>
  )
}
