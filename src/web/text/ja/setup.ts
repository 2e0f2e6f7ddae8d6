import type { Text } from '../en/index.ts'

export const setup: Text['setup'] = {
  title: 'Kagami をセットアップ',
  lead: 'このサーバーにはまだオーナーがいません。最初のオーナーと組織を作成してください。メンバーはあとから追加できます。',
  code: 'セットアップコード',
  codeHelp: 'サーバーの起動時に表示されたものです。一度だけ使えます。',
  organization: '組織',
  organizationHelp: 'すべてのイメージ名の最初の部分です（acme/python の acme など）。',
  username: 'ユーザー名',
  displayName: 'お名前',
  password: 'パスワード',
  passwordHelp: '8 文字以上。',
  submit: 'オーナーを作成してサインイン',
  over: 'このサーバーにはすでにオーナーがいます',
  overLead: 'セットアップは済んでいます。サインインするか、オーナーに招待を依頼してください。',
  toSignIn: 'サインインへ',
}

export const enter: Text['enter'] = {
  opening: 'サインインしています…',
  broken: 'このリンクはもう使えません',
  help: 'リンクは 15 分以内に一度だけ使えます。サーバーの動いているマシンで新しいものを表示できます。',
  toSignIn: 'パスワードでサインイン',
}
