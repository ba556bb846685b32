job-waits = Ждёт своей очереди.
job-runs = Выполнено задач: { $done } из { $count }
job-left = , осталось около { $length }
job-done = { $tasks }, { $nodes }, за { $length }
job-failed = Ошибка через { $length } после отправки
job-canceled = Остановлено через { $length } после отправки
what-was-asked = Что было заказано
module = Модуль
input = Вход
memory-per-task = Память задачи
time-per-task = Процессорное время задачи
argument = Аргумент
failed-at = { $phase } { $index }: ошибка на { $node } ({ $attempts ->
    [one] { $attempts } попытка
    [few] { $attempts } попытки
   *[many] { $attempts } попыток
})
bundle = Всё, чтобы повторить эту задачу на другом компьютере (tar)
saved = { $count ->
    [one] { $count } задача была выполнена раньше
    [few] { $count } задачи были выполнены раньше
   *[many] { $count } задач были выполнены раньше
}: сбережено { $length } процессорного времени
why-waits = Почему ждёт, по узлам
retry = Повторить неудавшееся
retry-secrets = В задании есть секреты, они только у вас. Повторите его из терминала:
figures = В числах
estimated = оценка
measured = измерено
partly-measured = измерено { $share }
processor-time = Процессорное время
result = Результат
memory-peak = Наибольшая память задачи
tried-again = Повторных попыток
phase = Этап
phase-ranges = Выбор диапазонов ключей
phase-map = Часть
phase-merge = Слияние
phase-reduce = Свёртка
who-did-it = Кто это сделал
nobody-yet = Пока никто.
tasks-done = Выполнено задач
at-work = В работе
log = Журнал
no-log = Ничего не записано.
log-last = Последние попытки, которые что-то записали: { $count } из { $all }; все:
nobody = Никому не пришлось: всё уже известно.
job-was-done = { $count ->
    [one] Задач выполнено раньше: { $count }
   *[other] Задач выполнено раньше: { $count }
}
what-happened = Что происходило
where-time-went = Куда ушло время
time-queue = В очереди
time-between = Между фазами
what-slots-did = { $count ->
    [one] Чем было занято { $count } место
    [few] Чем были заняты { $count } места
   *[other] Чем были заняты { $count } мест
}
slots-read = Чтение
slots-compute = Вычисление
slots-write = Запись
slots-idle = Без дела
stream = Что и когда делало каждое место
stream-help = Время вправо, строка на каждое место. Таблица ниже говорит то же в числах.
slot-did = { $node }, место { $slot }: { $count ->
    [one] { $count } попытка
    [few] { $count } попытки
   *[other] { $count } попыток
}, в работе { $busy } времени
rows-left-out = { $count ->
    [one] Ещё { $count } место не показано.
    [few] Ещё { $count } места не показаны.
   *[other] Ещё { $count } мест не показано.
}
ink-work = работа над частью
ink-merge = слияние или свёртка
ink-transfer = чтение и запись
ink-failed = ошибка
attempts-dropped = { $count ->
    [one] { $count } более ранняя попытка уже неизвестна.
    [few] { $count } более ранние попытки уже неизвестны.
   *[other] { $count } более ранних попыток уже неизвестны.
}
attempts-unknown = Когда шла каждая попытка, уже неизвестно: головной узел с тех пор запускали заново или попыток было слишком много.
slowest = { $count ->
    [one] Попытка в числах
    [few] { $count } самые долгие попытки в числах
   *[other] { $count } самых долгих попыток в числах
}
task = Задача
outcome = Чем кончилось
attempts-table = Все попытки таблицей (CSV)
attempts-trace = Как трасса (для chrome://tracing или Perfetto)
chunk-times = Часть заняла (меньше всего · медиана · больше всего)
skew = Перекос
skew-hint = Задача { $task } заняла в { $times } раза больше медианы: на частях поменьше работа разойдётся ровнее.
