skip = К содержанию
nav = Страницы
nav-home = Главная
nav-jobs = Задания
nav-new = Новое задание
nav-nodes = Узлы
nav-class = Классы
nav-admin = Управление
nav-help = Справка
language = Язык
sign-in = Войти
sign-out = Выйти
role-viewer = наблюдатель
role-student = ученик
role-teacher = учитель
role-admin = администратор
to-home = На главную страницу
trouble = Не получилось
trouble-not-allowed = Это не для вас
trouble-not-found = Здесь ничего нет
trouble-fault = Сбой головного узла
just-now = только что
ago = { $length } назад
tasks = { $count ->
    [one] { $count } задача
    [few] { $count } задачи
   *[many] { $count } задач
}
on-nodes = { $count ->
    [one] { $count } узел
    [few] { $count } узла
   *[many] { $count } узлов
}
of-tasks = Выполнено задач: { $done } из { $count }
done-canceled = Задание остановлено.
done-retried = Это задание доделывает то, что осталось от прежнего.
done-drained = Узел больше не получает работу; начатое он доделает.
done-undrained = Узел снова получает работу.
done-power-on = Узел включается и останется включённым.
done-power-off = Узел доделает начатое и будет выключен.
done-power-auto = Питанием узла снова управляют правила.
done-added = Готово.
done-closed = Класс закрыт, ученики вышли.
done-opened = Начался новый урок.
done-removed = Узел удалён.
done-approved = Узел может работать.
done-rejected = Узлу отказано в работе.
done-revoked = По этому токену больше никто не присоединится.
done-ended = Этот сеанс завершён.
done-paused = Задания класса больше не получают работу; начатое будет доделано.
done-resumed = Задания класса снова получают работу.
state-waiting = ждёт
state-running = выполняется
state-done = готово
state-failed = ошибка
state-canceled = остановлено
state-idle = свободен
state-busy = занят
state-hot = перегрет
state-suspect = молчит
state-lost = отсутствует
state-draining = без новой работы
state-weak = слабое питание
state-off = выключен
state-queued = скоро включится
state-switching-on = включается
state-booting = загружается
state-shutting-down = завершает работу
state-switching-off = выключается
state-quarantined = в карантине
state-open = открыт
state-closed = закрыт
state-in = здесь
state-out = не здесь
state-node-pending = ждёт
state-node-approved = работает
state-node-rejected = отказано
state-node-removed = удалён
job = Задание
name = Название
user = Пользователь
state = Состояние
node = Узел
nodes = Узлы
class = Класс
slots = Слоты
speed-up = Ускорение
