/** Two-factor authentication: turned on by a picture that an authenticator reads, off by password and code. */
import { Button, Group, Text } from '@mantine/core'
import { ShieldCheckIcon, ShieldXIcon } from '@primer/octicons-react'
import { useState } from 'react'
import type { TwoFactor } from '../../api/two-factor.ts'
import type { Profile } from '../../api/users.ts'
import { useChange } from '../api/client.ts'
import { disableTwoFactor, renewRecoveryCodes, useTwoFactor } from '../api/two-factor.ts'
import { Facts } from '../shell/facts.tsx'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { Status } from '../shell/status.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { ProofDialog } from './proof-dialog.tsx'
import { RecoveryCodes } from './recovery-codes.tsx'
import { TwoFactorDialog } from './two-factor-dialog.tsx'

/** Fewer left than this are said to be few. */
const FEW = 3

export function TwoFactorSection({ user }: { readonly user: Profile }) {
  const { text } = useSpeech()
  const state = useTwoFactor()
  return (
    <Section title={text.profile.twoFactor.title} lead={text.profile.twoFactor.lead}>
      {state.isError ? <Failure error={state.error} retry={() => void state.refetch()} /> : null}
      {state.data === undefined ? <Rows count={2} /> : <State user={user} state={state.data} />}
    </Section>
  )
}

type Open = 'enable' | 'disable' | 'renew'

function State({ user, state }: { readonly user: Profile; readonly state: TwoFactor }) {
  const { text } = useSpeech()
  const tell = useTell()
  const [open, setOpen] = useState<Open>()
  const close = () => setOpen(undefined)
  const disable = useChange(disableTwoFactor, () => {
    close()
    tell(text.profile.twoFactor.isOff)
  })
  const renew = useChange(renewRecoveryCodes)
  const begin = (wanted: Open) => () => {
    disable.reset()
    renew.reset()
    setOpen(wanted)
  }
  const { enabledAt, recoveryCodesLeft: left } = state
  const isOn = enabledAt !== null
  return (
    <>
      {isOn ? (
        <Facts
          cols={{ base: 1, xs: 3 }}
          facts={[
            [text.profile.twoFactor.title, <Sign key="state" isOn />],
            [text.profile.twoFactor.since, <Time key="since" at={enabledAt} />],
            [text.profile.twoFactor.left, String(left)],
          ]}
        />
      ) : (
        <Group>
          <Sign isOn={false} />
        </Group>
      )}
      {isOn && left < FEW ? <Text size="sm">{text.profile.twoFactor.few}</Text> : null}
      {!isOn && !user.hasPassword ? <Text>{text.profile.twoFactor.none}</Text> : null}
      <Group>
        {isOn ? (
          <>
            <Button variant="default" onClick={begin('renew')}>
              {text.profile.twoFactor.renew}
            </Button>
            <Button variant="default" onClick={begin('disable')}>
              {text.profile.twoFactor.disable}
            </Button>
          </>
        ) : user.hasPassword ? (
          <Button onClick={begin('enable')}>{text.profile.twoFactor.enable}</Button>
        ) : null}
      </Group>
      {open === 'enable' ? <TwoFactorDialog user={user} onClose={close} /> : null}
      {open === 'disable' ? (
        <ProofDialog
          user={user}
          title={text.profile.twoFactor.disable}
          lead={text.profile.twoFactor.disableLead}
          color="red"
          change={disable}
          onClose={close}
        />
      ) : null}
      {open === 'renew' && renew.data === undefined ? (
        <ProofDialog
          user={user}
          title={text.profile.twoFactor.renew}
          lead={text.profile.twoFactor.renewLead}
          change={renew}
          onClose={close}
        />
      ) : null}
      {open === 'renew' && renew.data !== undefined ? (
        <RecoveryCodes codes={renew.data} username={user.username} onClose={close} />
      ) : null}
    </>
  )
}

function Sign({ isOn }: { readonly isOn: boolean }) {
  const { text } = useSpeech()
  return isOn ? (
    <Status tone="good" icon={ShieldCheckIcon}>
      {text.profile.twoFactor.on}
    </Status>
  ) : (
    <Status tone="quiet" icon={ShieldXIcon}>
      {text.profile.twoFactor.off}
    </Status>
  )
}
