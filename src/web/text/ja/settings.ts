import type { Text } from '../en/index.ts'

export const settings: Text['settings'] = {
  visibility: '公開範囲',
  makePublic: '公開する',
  makePrivate: '非公開にする',
  publicTitle: (name) => `${name} を公開しますか?`,
  publicLead: 'このサーバーに到達できる誰もが、アカウントなしでプルできるようになります。',
  privateTitle: (name) => `${name} を非公開にしますか?`,
  privateLead: '以後、権限のあるメンバーだけがプルできます。',
  changed: '変更しました。',
  mayNot: '変更できるのはリポジトリの管理者だけです。組織のオーナーか編集者に依頼してください。',
}
