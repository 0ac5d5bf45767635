"""All addresses of the product."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path

from campaigns import demo
from evalplatform.health import healthz

demo_users = [(u.username, demo.PASSWORD, u.role) for u in demo.USERS] if settings.DEMO else []
sign_in = auth.LoginView.as_view(
    redirect_authenticated_user=True, extra_context={"demo_users": demo_users}
)

urlpatterns = [
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
    path("sign-in/", sign_in, name="login"),
    path("sign-out/", auth.LogoutView.as_view(), name="logout"),
    path("account/password/", auth.PasswordChangeView.as_view(), name="password_change"),
    path(
        "account/password/done/", auth.PasswordChangeDoneView.as_view(), name="password_change_done"
    ),
    path("api/v1/", include("evalplatform.api_urls")),
    path("", include("campaigns.urls")),
    path("", include("annotations.urls")),
]
