"""Addresses of the campaigns pages."""

from django.urls import path

from campaigns.views import (
    campaign,
    effects,
    evasion,
    judges,
    model_judges,
    proposals,
    rules,
    versions,
    who_decides,
)

urlpatterns = [
    path("", campaign.home, name="home"),
    path("projects/new/", campaign.create_project, name="create_project"),
    path("p/<slug:slug>/", campaign.project, name="project"),
    path("p/<slug:slug>/campaign/start/", campaign.start, name="start_campaign"),
    path("p/<slug:slug>/campaign/begin/", campaign.begin, name="begin_round"),
    path("p/<slug:slug>/campaign/next/", campaign.follow, name="next_round"),
    path("p/<slug:slug>/campaign/again/", campaign.again, name="advance_round"),
    path("p/<slug:slug>/campaign/target/", campaign.target, name="choose_target"),
    path("p/<slug:slug>/jobs/<int:pk>/cancel/", campaign.cancel, name="cancel_job"),
    path("p/<slug:slug>/judges/", judges.judges, name="judges"),
    path("p/<slug:slug>/judges/versions/", versions.page, name="versions"),
    path("p/<slug:slug>/judges/versions/cases/", versions.cases, name="version_cases"),
    path(
        "p/<slug:slug>/judges/versions/<int:number>/release/",
        versions.release,
        name="release_version",
    ),
    path("p/<slug:slug>/judges/versions/<int:number>/curve/", versions.draw, name="draw_curve"),
    path("p/<slug:slug>/evasion/", evasion.page, name="evasion"),
    path("p/<slug:slug>/evasion/cases/", evasion.cases, name="evasion_cases"),
    path("p/<slug:slug>/judges/models/", model_judges.page, name="model_judges"),
    path("p/<slug:slug>/judges/models/add/", model_judges.add, name="add_model_judge"),
    path("p/<slug:slug>/judges/models/<int:pk>/ask/", model_judges.ask, name="ask_model_judge"),
    path(
        "p/<slug:slug>/judges/models/<int:pk>/budget/",
        model_judges.budget,
        name="budget_model_judge",
    ),
    path("p/<slug:slug>/judges/effects/", effects.page, name="effects"),
    path("p/<slug:slug>/judges/effects/weigh/", effects.weigh, name="weigh_effects"),
    path("p/<slug:slug>/judges/effects/learn/", effects.learn, name="learn_effects"),
    path("p/<slug:slug>/cases/<int:pk>/effects/", effects.case, name="case_effects"),
    path("p/<slug:slug>/cases/<int:pk>/decided/", who_decides.case, name="case_decided"),
    path("p/<slug:slug>/judges/rules/", rules.page, name="judge_rules"),
    path("p/<slug:slug>/judges/rules/change/", rules.change, name="change_rule"),
    path("p/<slug:slug>/judges/rules/<int:place>/switch/", rules.switch, name="switch_rule"),
    path("p/<slug:slug>/proposals/", proposals.inbox, name="proposals"),
    path("p/<slug:slug>/proposals/mine/", proposals.mine, name="mine_patterns"),
    path("p/<slug:slug>/proposals/<int:pk>/", proposals.decide, name="decide_proposal"),
]
