/** Every word of the page, in Japanese. */
import type { Text } from '../en/index.ts'
import { catalog } from './catalog.ts'
import { device } from './device.ts'
import { entry } from './entry.ts'
import { common } from './everywhere.ts'
import { home } from './home.ts'
import { invitation } from './invitation.ts'
import { mirrors } from './mirrors.ts'
import { people } from './people.ts'
import { profile } from './profile.ts'
import { progress } from './progress.ts'
import { repositories } from './repositories.ts'
import { settings } from './settings.ts'
import { enter, setup } from './setup.ts'
import { shell } from './shell.ts'
import { signIn } from './sign-in.ts'
import { start } from './start.ts'
import { states } from './states.ts'
import { tags } from './tags.ts'
import { webhooks } from './webhooks.ts'

export const ja: Text = {
  languageName: '日本語',
  common,
  signIn,
  setup,
  enter,
  device,
  invitation,
  shell,
  profile,
  home,
  people,
  catalog,
  entry,
  start,
  progress,
  states,
  mirrors,
  repositories,
  tags,
  webhooks,
  settings,
}
